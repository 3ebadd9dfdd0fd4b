// Programs that use Stoa handle its values, batches and errors, which live in Vectors.
@_exported import Vectors

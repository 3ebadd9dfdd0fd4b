EncodingsBenchmark.run()
KernelsBenchmark.run()

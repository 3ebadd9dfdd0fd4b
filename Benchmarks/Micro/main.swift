EncodingsBenchmark.run()

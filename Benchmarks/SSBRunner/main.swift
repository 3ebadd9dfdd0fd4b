print("ssb")

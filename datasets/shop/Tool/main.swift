import ShopData

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// shopdata FILE            writes the sales to FILE
// shopdata --all DIRECTORY writes sales and dimensions (the latter are in the repository already)

func fail(_ text: String) -> Never {
  let bytes = Array("Error: \(text)\n".utf8)
  _ = write(2, bytes, bytes.count)
  exit(2)
}

func makeFile(_ path: String, _ body: ((String) -> Void) -> Void) {
  guard let file = fopen(path, "w") else {
    fail("cannot write \(path): \(String(cString: strerror(errno)))")
  }
  body { text in
    if fputs(text, file) < 0 { fail("cannot write \(path): \(String(cString: strerror(errno)))") }
  }
  if fclose(file) != 0 { fail("cannot write \(path): \(String(cString: strerror(errno)))") }
}

let generator = ShopGenerator()
let arguments = CommandLine.arguments.dropFirst()
switch (arguments.count, arguments.first) {
case (2, "--all"):
  let directory = CommandLine.arguments[2]
  for name in ShopGenerator.dimensions {
    makeFile("\(directory)/\(name).csv") { write in write(generator.dimension(name) ?? "") }
  }
  makeFile("\(directory)/sales.csv") { write in generator.sales(write) }
case (1, let path?) where path != "--all":
  makeFile(path) { write in generator.sales(write) }
default:
  fail("usage: shopdata FILE | shopdata --all DIRECTORY")
}

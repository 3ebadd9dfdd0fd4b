import Testing
import Vectors

@testable import Kernels

@Suite("Function registry")
struct RegistryTests {
  @Test(
    "every function's example gives the result it promises",
    arguments: FunctionRegistry.all.map(\.name))
  func examples(name: String) throws {
    let function = try #require(FunctionRegistry.function(named: name))
    let arguments = try function.example.arguments.map { try $0.expression() }
    let call = try FunctionRegistry.bind(name, arguments)
    let value = Result { () throws(StoaError) -> Value in try call.evaluateConstant() }
    if !RegularExpression.isAvailable, value == .failure(RegularExpression.absent) { return }
    let text = TextFormatter.string(try value.get(), call.type)
    // Clocks and random numbers promise no particular value.
    if function.example.result != "any" {
      #expect(text == function.example.result, "\(function.exampleSQL)")
    }
    #expect(!function.help.isEmpty && !function.help.contains("\n"))
  }

  @Test("names and aliases are unique and in lower case")
  func names() {
    var seen: Set<String> = []
    for function in FunctionRegistry.all {
      for name in [function.name] + function.aliases {
        #expect(name == name.lowercased())
        #expect(seen.insert(name).inserted, "\(name) twice")
      }
    }
  }
}

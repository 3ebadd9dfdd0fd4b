extension FunctionRegistry { static let numericFunctions: [ScalarFunction] = [] }
extension FunctionRegistry { static let textFunctions: [ScalarFunction] = [] }
extension FunctionRegistry { static let dateFunctions: [ScalarFunction] = [] }
extension FunctionRegistry { static let conditionalFunctions: [ScalarFunction] = [] }
extension FunctionRegistry { static let otherFunctions: [ScalarFunction] = [] }

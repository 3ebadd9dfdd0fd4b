// swift-tools-version: 6.2
import PackageDescription

// STOA_CPU=native|haswell|znver4|… compiles release builds for that processor (`make` sets native);
// without it the binary runs on every x86-64 or arm64 machine.
let cpu = Context.environment["STOA_CPU"]
let release: [SwiftSetting] =
  cpu.map { [.unsafeFlags(["-target-cpu", $0], .when(configuration: .release))] } ?? []
// Kernels are 15 to 700 times slower unoptimised, so they are optimised in debug builds too.
let hot: [SwiftSetting] = release + [.unsafeFlags(["-O"], .when(configuration: .debug))]
let zstd: Target.Dependency = "CZstd"
let pcre: Target.Dependency =
  .target(name: "CPcre2", condition: .when(traits: ["RegularExpressions"]))

let package = Package(
  name: "stoa",
  products: [
    .library(name: "Stoa", targets: ["Stoa"]),
    .executable(name: "stoa", targets: ["stoa"]),
  ],
  traits: [
    .trait(name: "LineEditing", description: "Line editing and history in the shell (libedit)"),
    .trait(name: "RegularExpressions", description: "Regular expressions in SQL (PCRE2)"),
  ],
  targets: [
    // 0: system modules and C
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    .systemLibrary(
      name: "CPcre2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
    .target(name: "CKernels"),
    .target(name: "Vectors", dependencies: ["CKernels"], swiftSettings: hot),
    // 1
    .target(name: "Kernels", dependencies: ["Vectors", "CKernels", pcre], swiftSettings: hot),
    .target(name: "Catalog", dependencies: ["Vectors"], swiftSettings: release),
    .target(
      name: "Encodings", dependencies: ["Kernels", "Vectors", "CKernels", zstd],
      swiftSettings: hot),
    .target(
      name: "Formats", dependencies: ["Kernels", "Vectors", "CKernels", zstd],
      swiftSettings: hot),
    // 2
    .target(name: "SQL", dependencies: ["Catalog", "Kernels", "Vectors"], swiftSettings: release),
    .target(
      name: "Storage", dependencies: ["Encodings", "Catalog", "Kernels", "Vectors", "CKernels"],
      swiftSettings: hot),
    // 3
    .target(
      name: "Executor",
      dependencies: ["SQL", "Storage", "Encodings", "Catalog", "Kernels", "Vectors", "CKernels"],
      swiftSettings: hot),
    // 4
    .target(
      name: "Ingest",
      dependencies: [
        "Executor", "SQL", "Storage", "Catalog", "Formats", "Kernels", "Vectors", "CKernels",
      ],
      swiftSettings: release),
    .target(
      name: "MaterializedAggregates",
      dependencies: ["Executor", "SQL", "Storage", "Catalog", "Kernels", "Vectors"],
      swiftSettings: release),
    // 5
    .target(
      name: "Stoa",
      dependencies: [
        "Ingest", "Executor", "SQL", "Storage", "Encodings", "Catalog", "Formats", "Kernels",
        "Vectors",
      ],
      swiftSettings: release),
    // 7
    .executableTarget(
      name: "stoa",
      dependencies: [
        "Stoa", "Storage",
        .target(name: "CEdit", condition: .when(traits: ["LineEditing"])),
      ],
      path: "Sources/StoaCLI", swiftSettings: release),
    .target(name: "BenchmarkSupport", path: "Benchmarks/Support", swiftSettings: hot),
    .target(
      name: "BenchmarkRunner", dependencies: ["Stoa", "BenchmarkSupport"],
      path: "Benchmarks/Runner", swiftSettings: release),
    .target(
      name: "SSBGenerator", dependencies: ["BenchmarkSupport"], path: "Benchmarks/SSBGenerator",
      swiftSettings: hot),
    .target(
      name: "TPCHGenerator", dependencies: ["BenchmarkSupport"], path: "Benchmarks/TPCHGenerator",
      swiftSettings: hot),
    .executableTarget(
      name: "ssb",
      dependencies: ["Stoa", "GatePlans", "SSBGenerator", "BenchmarkSupport", "BenchmarkRunner"],
      path: "Benchmarks/SSBRunner", swiftSettings: release),
    .executableTarget(
      name: "tpch", dependencies: ["TPCHGenerator", "BenchmarkSupport", "BenchmarkRunner"],
      path: "Benchmarks/TPCHRunner", swiftSettings: release),
    .target(name: "ShopData", path: "datasets/shop/Generator"),
    .executableTarget(name: "shopdata", dependencies: ["ShopData"], path: "datasets/shop/Tool"),
    .target(
      name: "GatePlans",
      dependencies: [
        "Executor", "SQL", "Storage", "Catalog", "Kernels", "Vectors", "SSBGenerator",
      ],
      path: "Benchmarks/Gate", swiftSettings: release),
    .executableTarget(
      name: "micro",
      dependencies: [
        "Stoa", "Executor", "Storage", "Catalog", "Encodings", "Kernels", "Vectors",
      ],
      path: "Benchmarks/Micro", swiftSettings: release),
    .executableTarget(
      name: "ingest",
      dependencies: ["Stoa", "Storage", "Catalog", "Vectors", "BenchmarkSupport"],
      path: "Benchmarks/Ingest", swiftSettings: release),
    // Tests
    .target(
      name: "TestSupport", dependencies: ["Stoa", "Storage", "Kernels", "Vectors"],
      path: "Tests/TestSupport"),
    .executableTarget(
      name: "soak", dependencies: ["TestSupport", "Stoa", "Storage", "Vectors"],
      path: "Tests/Soak", swiftSettings: hot),
    .testTarget(name: "VectorsTests", dependencies: ["Vectors"]),
    .testTarget(
      name: "BenchmarkTests",
      dependencies: [
        "GatePlans", "Stoa", "SSBGenerator", "TPCHGenerator", "BenchmarkSupport", "ShopData",
        "Catalog", "Vectors",
      ]),
    .testTarget(
      name: "LogicTests", dependencies: ["TestSupport", "Stoa", "Storage", "Vectors"],
      exclude: ["check_answers.py", "random_queries.py", "random_query_grammar.py", "cases"]),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "Vectors"], exclude: ["Fixtures"]),
    .testTarget(name: "EncodingsTests", dependencies: ["Encodings", "Kernels", "Vectors"]),
    .testTarget(name: "FormatsTests", dependencies: ["Formats", "Kernels", "Vectors", zstd]),
    .testTarget(
      name: "MaterializedAggregatesTests", dependencies: ["MaterializedAggregates", "Catalog"]),
    .testTarget(
      name: "AcceptanceTests",
      dependencies: ["TestSupport", "TPCHGenerator", "BenchmarkSupport", "stoa", "soak"]),
    .testTarget(
      name: "IngestTests",
      dependencies: [
        "TestSupport", "Ingest", "Storage", "Catalog", "Formats", "Kernels", "Vectors",
      ]),
    .testTarget(name: "CatalogTests", dependencies: ["Catalog", "Vectors"]),
    .testTarget(
      name: "StorageTests",
      dependencies: ["TestSupport", "Storage", "Encodings", "Catalog", "Kernels", "Vectors"]),
    .testTarget(
      name: "StoaTests", dependencies: ["Stoa", "SQL", "TestSupport", "Storage", "Vectors"]),
    .testTarget(name: "CLITests", dependencies: ["TestSupport", "Stoa", "stoa"]),
    .testTarget(name: "SQLTests", dependencies: ["SQL", "Catalog", "Kernels", "Vectors"]),
    .testTarget(
      name: "ExecutorTests",
      dependencies: ["Executor", "SQL", "Storage", "Encodings", "Catalog", "Kernels", "Vectors"]),
  ]
)

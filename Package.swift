// swift-tools-version: 6.2
import PackageDescription

/// Warnings in our own code are errors; dependencies keep theirs.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: dependencies + ["TestSupport"], exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "signum",
  products: [
    .executable(name: "signum", targets: ["signum"]),
    .library(name: "Signum", targets: ["Pipeline"]),
    .library(name: "SignumRuntime", targets: ["Packed"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    // The model as bits. Nothing in this group may depend on anything below it.
    library("WholeFiles", []),
    library("Tensors", []),
    .target(name: "CKernels"),
    library("Packed", ["Tensors", "WholeFiles", "CKernels"]),
    .executableTarget(name: "signum-run", dependencies: ["Packed"], swiftSettings: strict),

    // Float primitives.
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CCompute", linkerSettings: [.linkedLibrary("gomp")]),
    library("Compute", ["Tensors", "COneDNN", "CCompute"]),

    // The model as a program.
    library("Graphs", ["Tensors", "Compute"]),
    // Networks in code, for benchmarks.
    library("Workloads", ["Graphs"]),

    // Files in.
    .target(name: "CONNX", linkerSettings: [.linkedLibrary("protobuf-c")]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    library("Archives", ["CZlib"]),
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
    library("Importers", ["Graphs", "Archives", "CONNX", "CHDF5"]),
    // The test data of ONNX on the importer: `make conformance`.
    .executableTarget(name: "signum-conformance", dependencies: ["Importers"], swiftSettings: strict),
    .target(name: "CImages", linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png")]),
    library("Datasets", ["Tensors", "WholeFiles", "Archives", "CImages"]),

    // Weights to symbols, trained.
    library("Methods", ["Graphs", "Compute"]),
    library("Training", ["Methods", "Graphs", "Datasets", "WholeFiles"]),

    // Files out.
    library("Exporters", ["Graphs", "Packed", "WholeFiles"]),

    // The journey, and the command line over it.
    library(
      "Pipeline",
      [
        "Importers", "Exporters", "Training", "WholeFiles", .product(name: "Yams", package: "Yams"),
        .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    .executableTarget(
      name: "signum",
      dependencies: [
        "Pipeline", "Workloads",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    // Changed files for everything that reads what nobody has checked.
    .executableTarget(
      name: "signum-fuzz", dependencies: ["Pipeline", "Training", "Importers", "Datasets", "Packed", "Tensors"],
      swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["Tensors", "Graphs"], path: "Tests/TestSupport", swiftSettings: strict),
    tests("Tensors", ["Tensors"]),
    tests("WholeFiles", ["WholeFiles"]),
    tests("Packed", ["Packed", "Tensors"]),
    tests("Compute", ["Compute"]),
    tests("Graphs", ["Graphs"]),
    tests("Workloads", ["Workloads"]),
    tests("Importers", ["Importers", "Archives"]),
    tests("Conformance", ["signum-conformance"]),
    tests("Datasets", ["Datasets", "Archives"]),
    tests("Methods", ["Methods"]),
    tests("Training", ["Training", "Methods", "Datasets", "Workloads"]),
    tests("Exporters", ["Exporters", "Importers", "Methods", "Packed"]),
    tests("Pipeline", ["Pipeline", "Importers", "Exporters", "Datasets", "Methods", "Packed", "Training"]),
    tests(
      "CommandLine", ["signum", "signum-run", "Importers", "Packed", "Datasets", "Tensors"], exclude: ["Snapshots"]),
  ],
  swiftLanguageModes: [.v6]
)

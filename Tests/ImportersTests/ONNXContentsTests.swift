import Foundation
import Graphs
import Tensors
import Testing

@testable import Importers

/// What PyPI onnx finds in the fixtures: `fixtures/make/contents.py`.
struct ExpectedContents: Decodable {
  struct Port: Decodable {
    var name: String
    var shape: [Int?]?

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      name = try list.decode(String.self)
      shape = try list.decodeIfPresent([Int?].self)
    }
  }
  struct Model: Decodable, CustomTestStringConvertible {
    var model: String
    var inputs: [Port]
    var outputs: [Port]
    var operators: [String: Int]
    var tensors: Int
    var parameters: Int
    var testDescription: String { model }
  }
  struct Weight: Decodable {
    var shape: [Int]
    var type: String
    var sum: Double

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      (shape, type) = (try list.decode([Int].self), try list.decode(String.self))
      sum = try list.decode(Double.self)
    }
  }
  var contents: [Model]
  var weights: [String: [String: Weight]]

  static let all = try! JSONDecoder().decode(
    ExpectedContents.self, from: Data(contentsOf: Fixtures.folder.appending(path: "expected/contents.json")))
}

@Suite("What an ONNX file says of itself, without its weights")
struct ONNXContentsTests {
  @Test(arguments: ExpectedContents.all.contents) func ofAFixture(_ expected: ExpectedContents.Model) throws {
    let found = try #require(try ONNXImporter.contents(of: Fixtures.path("onnx/\(expected.model)")))
    #expect(found.inputs.map(\.name) == expected.inputs.map(\.name))
    #expect(found.inputs.map(\.shape) == expected.inputs.map(\.shape))
    #expect(found.outputs.map(\.name) == expected.outputs.map(\.name))
    #expect(found.outputs.map(\.shape) == expected.outputs.map(\.shape))
    #expect(Dictionary(uniqueKeysWithValues: found.operators.map { ($0.name, $0.count) }) == expected.operators)
    #expect(found.operators.map(\.count) == expected.operators.values.sorted(by: >))
    #expect(found.tensors.count == expected.tensors && found.parameters == expected.parameters)
    #expect(found.problems.isEmpty && found.operators.allSatisfy { $0.isSupported })
    #expect(found.format.hasPrefix("ONNX, operator set "))
  }

  @Test(arguments: ExpectedContents.all.weights.keys.sorted()) func weightsOneAtATime(_ name: String) throws {
    let source = try ONNXTensorSource(Fixtures.path("onnx/\(name).onnx"))
    let expected = ExpectedContents.all.weights[name]!
    #expect(Set(source.entries.map(\.name)) == Set(expected.keys))
    for entry in source.entries {
      let tensor = try source.read(entry.name)
      let wanted = expected[entry.name]!
      #expect(entry.shape == wanted.shape && tensor.shape == Shape(wanted.shape))
      #expect(entry.type == wanted.type && entry.bytes == tensor.count * Self.width(wanted.type))
      let sum = tensor.scalars.reduce(0) { $0 + Double($1) }
      #expect(abs(sum - wanted.sum) <= 1e-4 * max(1, abs(wanted.sum)), "\(entry.name)")
    }
    #expect(throws: ImportError.self) { try source.read("nobody") }
  }

  private static func width(_ type: String) -> Int {
    type == "bool" ? 1 : Int(String(type.reversed().prefix { $0.isNumber }.reversed()))! / 8
  }

  @Test func unknownOperatorsAreNamedTogether() throws {
    let found = try #require(try ONNXImporter.contents(of: Fixtures.path("onnx/rejected/several.onnx")))
    let missing = found.operators.filter { !$0.isSupported }.map(\.name)
    #expect(missing.contains("com.microsoft.FusedConv"))
    #expect(found.problems.count == missing.count)
    let old = try #require(try ONNXImporter.contents(of: Fixtures.path("onnx/rejected/opset5.onnx")))
    #expect(old.problems.map { "\($0)" } == ["operator set 5 is not supported, only 6 to 27"])
  }

  @Test(arguments: ["zeros", "truncated", "deep", "text", "empty", "pointer", "noise"])
  func whatIsNoModelIsRefused(_ name: String) {
    #expect(throws: ImportError.self) { try ONNXImporter.contents(of: Fixtures.path("onnx/rejected/\(name).onnx")) }
    #expect(throws: ImportError.self) { try ONNXTensorSource(Fixtures.path("onnx/rejected/\(name).onnx")) }
  }

  @Test func sizesOfTypes() {
    func bytes(_ type: String, _ shape: [Int]) -> Int? { TensorEntry(name: "", shape: shape, type: type).bytes }
    #expect(bytes("float32", [3, 5]) == 60 && bytes("int64", []) == 8 && bytes("bfloat16", [3]) == 6)
    #expect(bytes("int4", [5]) == 3 && bytes("uint2", [5]) == 2 && bytes("bool", [5]) == 5)
    #expect(bytes("float8e4m3fn", [5]) == 5 && bytes("float4e2m1", [5]) == 3)
    #expect(bytes("string", [5]) == nil && bytes("int8", [-1]) == nil && bytes("int8", [.max, 2]) == nil)
    #expect(bytes("float32", [.max / 2]) == nil)
  }
}

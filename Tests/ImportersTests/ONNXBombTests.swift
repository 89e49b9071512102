import Foundation
import Graphs
import TestSupport
import Tensors
import Testing

@testable import Importers

@Suite("ONNX files that ask for too much, and data that leads elsewhere")
struct ONNXBombTests {
  private let folder = try? TemporaryFolder()

  /// A field of protobuf that holds bytes.
  private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var (length, header) = (bytes.count, [number << 3 | 2])
    while length >= 0x80 {
      header.append(UInt8(length & 0x7F) | 0x80)
      length >>= 7
    }
    return header + [UInt8(length)] + bytes
  }

  /// A model of operator set 17 around the fields of its graph.
  private func model(_ graph: [UInt8]) throws -> String {
    let path = try #require(folder).path("bomb.onnx")
    try Data([8, 8] + field(8, [16, 17]) + field(7, graph)).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func message(_ path: String) -> String {
    do { return "imported \(try ONNXImporter.graph(from: path).nodes.count)" } catch { return "\(error)" }
  }

  @Test("more messages than a model has") func messages() throws {
    let nodes = (0...1_000_000).flatMap { _ in [0x0A, 0] as [UInt8] }
    #expect(message(try model(nodes)) == "bomb.onnx: has more than 1000000 messages")
  }

  @Test("more numbers than memory is for") func numbers() throws {
    // Packed integers of one byte each become eight in memory.
    let dims = field(7, [UInt8](repeating: 1, count: (1 << 27) + 1))
    #expect(message(try model(field(5, dims))) == "bomb.onnx: has more than 134217728 numbers outside raw data")
  }

  @Test("a name of a megabyte is cut in the message") func longName() throws {
    let name = [UInt8](repeating: 0x41, count: 1 << 20)
    let node = field(1, field(1, [0x78]) + field(2, [0x79]) + field(3, name) + field(4, Array("Nothing".utf8)))
    let lines = message(try model(node)).split(separator: "\n")
    #expect(lines.allSatisfy { $0.count < 3000 } && lines.contains { $0.hasSuffix("…") })
  }

  @Test("a name that is no text, and one with an end in it") func oddNames() throws {
    let names: [[UInt8]] = [[0xFF, 0xFE, 0xC0], [0x41, 0, 0x42], []]
    for name in names {
      let node = field(1, field(2, name) + field(3, name) + field(4, name))
      #expect(message(try model(node)).hasPrefix("bomb.onnx: "))
    }
  }

  /// The fixture whose weights lie in a file beside it, in a folder of its own.
  private func placed(_ name: String) throws -> (model: String, data: String) {
    let inner = try #require(folder).url.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    let path = inner.appendingPathComponent("residual_dynamo_op20.onnx").path
    try FileManager.default.copyItem(atPath: Fixtures.path("onnx/residual_dynamo_op20.onnx"), toPath: path)
    return (path, path + ".data")
  }

  private let source = Fixtures.path("onnx/residual_dynamo_op20.onnx.data")

  @Test("a link out of the model's folder is not followed") func linksOut() throws {
    let (model, data) = try placed("out")
    try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: source)
    let said = message(model)
    #expect(said.contains("must stand beside the model, but 'residual_dynamo_op20.onnx.data' leads to another folder"))
    let weights = try ONNXTensorSource(model)
    #expect(throws: ImportError.self) { try weights.read(weights.entries[0].name) }
  }

  @Test("a link inside of the folder is, and so are model and data as links into one folder") func linksWithin() throws
  {
    let (model, data) = try placed("within")
    try FileManager.default.copyItem(atPath: source, toPath: data + ".real")
    try FileManager.default.createSymbolicLink(atPath: data, withDestinationPath: data + ".real")
    let expected = message(model)
    #expect(expected.hasPrefix("imported "))
    // As a cache keeps them.
    let cache = try #require(folder).url.appendingPathComponent("cache")
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    let linked = cache.appendingPathComponent("residual_dynamo_op20.onnx").path
    try FileManager.default.createSymbolicLink(atPath: linked, withDestinationPath: model)
    try FileManager.default.createSymbolicLink(atPath: linked + ".data", withDestinationPath: data + ".real")
    #expect(message(linked) == expected)
  }

  @Test("a folder and a pipe in the place of the data are refused") func noFiles() throws {
    let (model, data) = try placed("pipe")
    #expect(mkfifo(data, 0o600) == 0)
    #expect(message(model).contains("is not a regular file"))
    try FileManager.default.removeItem(atPath: data)
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    #expect(message(model).contains("is not a regular file"))
  }
}

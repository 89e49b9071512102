import Foundation
import TestSupport
import Testing

@Suite("The conformance runner")
struct ConformanceTests {
  static let cases = """
    # A comment.
    node/agrees Relu
    node/needs_its_shape Reshape
    node/within_tolerance Relu
    node/differs Relu
    node/differs_in_shape Relu
    node/whole_numbers_differ Neg
    node/not_supported Det
    node/nowhere Relu
    """

  private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = Project.products.appendingPathComponent("signum-conformance")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, output)
  }

  @Test("what passes, what does not, and why") func runs() throws {
    let folder = try TemporaryFolder()
    try Self.cases.write(toFile: folder.path("cases.txt"), atomically: true, encoding: .utf8)
    let (status, output) = try run([
      Project.path("fixtures/conformance"), folder.path("cases.txt"), folder.path("failures.txt"),
    ])
    #expect(status == 2)
    #expect(output.contains("Relu                           2     1     2\n"))
    #expect(output.contains("all cases                      3     2     3\n"))
    #expect(output.contains("3 of 8 passed, 1 of them with inputs known while importing\n"))
    let failures = try String(contentsOfFile: folder.path("failures.txt"), encoding: .utf8)
    #expect(
      failures.split(separator: "\n").map { $0.split(separator: " | ")[0] } == [
        "node/differs\tfail\toutput 0: 3 of 6 numbers differ, first number 1: 2.0, expected 2.0199999809265137",
        "node/differs_in_shape\tfail\toutput 0: the shape is [2, 3], expected [1, 3]",
        "node/whole_numbers_differ\tfail\toutput 0: 1 of 1 numbers differ, first number 0: -3000.0, expected -3001.0",
        "node/not_supported\tskip\tmodel.onnx: node 'y' (Det): this operator is not supported",
        "node/nowhere\tskip\thas no data",
      ])
  }

  @Test("all pass") func passes() throws {
    let folder = try TemporaryFolder()
    try "node/agrees Relu\n".write(toFile: folder.path("cases.txt"), atomically: true, encoding: .utf8)
    let arguments = [Project.path("fixtures/conformance"), folder.path("cases.txt"), folder.path("failures.txt")]
    #expect(try run(arguments).status == 0)
    #expect(try String(contentsOfFile: folder.path("failures.txt"), encoding: .utf8).isEmpty)
  }

  /// What the test data of ONNX leave out or hardly touch, with what onnxruntime computes.
  @Test("operators agree with onnxruntime") func operators() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Project.path("fixtures/conformance/operators"))
    let folder = try TemporaryFolder()
    let cases = names.sorted().map { "operators/\($0)\n" }.joined()
    try cases.write(toFile: folder.path("cases.txt"), atomically: true, encoding: .utf8)
    let arguments = [Project.path("fixtures/conformance"), folder.path("cases.txt"), folder.path("failures.txt")]
    let (status, output) = try run(arguments)
    let failures = try String(contentsOfFile: folder.path("failures.txt"), encoding: .utf8)
    #expect(status == 0, "\(failures)")
    #expect(names.count > 40 && output.contains("\(names.count) of \(names.count) passed"))
  }

  @Test("models as a user imports them") func models() throws {
    let folder = try TemporaryFolder()
    try "node/agrees Relu\nnode/differs Relu\n".write(
      toFile: folder.path("cases.txt"), atomically: true, encoding: .utf8)
    let (status, output) = try run([
      Project.path("fixtures/conformance"), folder.path("cases.txt"), folder.path("failures.txt"), "--models",
    ])
    #expect(status == 2)
    #expect(output.contains("pass  node/agrees  0.0 any batch\n"))
    #expect(output.contains("fail  node/differs  differs by 0.0099"))
  }

  @Test("wrong arguments") func arguments() throws {
    #expect(try run([]).status == 64)
    #expect(try run(["a", "nowhere.txt", "b"]).status == 1)
  }
}

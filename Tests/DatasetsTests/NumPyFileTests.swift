@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

struct NumPyFileTests {
  @Test(arguments: Fixtures.expected.arrays.keys.sorted())
  func readsWhatNumPyWrote(_ name: String) throws {
    let expected = try #require(Fixtures.expected.arrays[name])
    let tensor = try NumPyFile.read(Fixtures.path(name + ".npy"))
    #expect(tensor.shape == Shape(expected.shape))
    #expect(tensor.scalars == expected.values)
  }

  @Test(arguments: Fixtures.expected.arrays.keys.sorted())
  func readsLabels(_ name: String) throws {
    let expected = try #require(Fixtures.expected.arrays[name])
    let array = try NumPyArray(Fixtures.bytes(name + ".npy"), path: name)
    #expect(
      array.isBytes == (name.hasPrefix("u1")) && array.bytes?.map { Float($0) } ?? expected.values == expected.values)
    if let place = expected.values.firstIndex(where: { $0 != $0.rounded() }) {
      guard case .labelNotInteger(name, place, _) = failure({ () throws(DatasetError) in try array.labels() }) else {
        Issue.record("a fraction is taken for a label")
        return
      }
    } else {
      #expect(try array.labels().map { Float($0) } == expected.values)
    }
  }

  @Test(arguments: ["f4_little", "f4_scalar", "f4_vector", "f4_empty"])
  func writesWhatNumPyWrites(_ name: String) throws {
    let bytes = try Fixtures.bytes(name + ".npy")
    #expect(try NumPyFile.encode(NumPyFile.tensor(bytes, path: name)) == bytes)
  }

  @Test func writtenTensorsComeBack() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/y.npy"
    let shapes: [Shape] = [[], [0], [3], [2, 3, 4, 5], [1, 1000]]
    for (seed, shape) in shapes.enumerated() {
      let tensor = Tensor.random(shape, seed: UInt64(seed))
      try NumPyFile.write(tensor, to: path)
      #expect(try NumPyFile.read(path) == tensor)
    }
    let channelsLast = Tensor([1, 2, 2, 1], scalars: [1, 2, 3, 4]).inLayout(.channelsLast)
    try NumPyFile.write(channelsLast, to: path)
    #expect(try NumPyFile.read(path).scalars == [1, 2, 3, 4])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["y.npy"])
  }

  @Test func writingIntoNowhereIsReported() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/none/y.npy"
    let error = failure { () throws(DatasetError) in try NumPyFile.write(Tensor(scalar: 1), to: path) }
    guard case .cannotWrite(path, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(error!)".hasPrefix("\(path): cannot be written: "))
    #expect(failure { () throws(DatasetError) in try NumPyFile.write(Tensor(scalar: 1), to: folder.path) } != nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test func writingKeepsLinksAndRefusesDevices() throws {
    let folder = try TemporaryFolder()
    let target = try folder.write("target.npy", [1])
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/link.npy", withDestinationPath: target)
    try NumPyFile.write(Tensor(scalar: 3), to: folder.path + "/link.npy")
    #expect(try NumPyFile.read(target) == Tensor(scalar: 3))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/link.npy") == target)
    #expect(
      failure { () throws(DatasetError) in try NumPyFile.write(Tensor(scalar: 1), to: "/dev/null") }
        == .notRegularFile("/dev/null"))
  }

  @Test func refusesOtherTypes() throws {
    let complex = failure { () throws(DatasetError) in try NumPyFile.read(Fixtures.path("c8_refused.npy")) }
    #expect("\(complex!)".contains("elements of type '<c8'"))
    let fields = failure { () throws(DatasetError) in try NumPyFile.read(Fixtures.path("fields_refused.npy")) }
    #expect("\(fields!)".contains("elements of several fields"))
  }

  static let hostile: [(header: String, bytes: Int, part: String)] = [
    ("", 4, "is not a dictionary"),
    ("{'descr': '<f4'", 4, "is not a dictionary"),
    ("{'descr': '<f4', 'descr': '<f4'}", 4, "is not a dictionary"),
    ("{'fortran_order': False, 'shape': (1,), }", 4, "'descr' is missing"),
    ("{'descr': '<f4', 'shape': (1,), }", 4, "'fortran_order' in its header"),
    ("{'descr': '<f4', 'fortran_order': False, }", 4, "'shape' in its header"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "is not a dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4, "is not a dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 4, "more than can be read"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 4), }", 0, "more than can be read"),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }", 4, "is cut off"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, "is cut off"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "where its header speaks of"),
    ("{'descr': '', 'fortran_order': False, 'shape': (1,), }", 4, "elements of type ''"),
    ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8, "elements of type '|O'"),
    ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", 4, "is not a dictionary"),
    ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } trailing", 4, "is not a dictionary"),
  ]

  @Test(arguments: hostile)
  func refusesHostileHeaders(_ header: String, _ bytes: Int, _ part: String) {
    let file = npy(header: header, body: [UInt8](repeating: 0, count: bytes))
    let error = failure { () throws(DatasetError) in try NumPyFile.tensor(file, path: "x.npy") }
    #expect(
      error.map { "\($0)".hasPrefix("x.npy: ") && "\($0)".contains(part) } == true, "\(String(describing: error))")
  }

  @Test func refusesHeadersThatReachBeyondTheFile() throws {
    var file = try Fixtures.bytes("f4_little.npy")
    file[9] = 0xFF
    #expect(
      failure { () throws(DatasetError) in try NumPyFile.tensor(file, path: "x") }
        == .truncated("x", expected: 65408, found: 152))
    var second = try Fixtures.bytes("f4_version2.npy")
    second[11] = 0xFF
    #expect(
      "\(failure { () throws(DatasetError) in try NumPyFile.tensor(second, path: "x") }!)".contains("is too long"))
    second[6] = 9
    #expect("\(failure { () throws(DatasetError) in try NumPyFile.tensor(second, path: "x") }!)".contains("version 9"))
    for length in 0..<152 {
      let error = failure { () throws(DatasetError) in try NumPyFile.tensor(Array(file[..<length]), path: "x") }
      #expect(error != nil)
    }
  }

  @Test func scalarsAndManyAxes() throws {
    let axes = "(" + String(repeating: "1, ", count: 40) + ")"
    let file = npy(header: "{'descr': '<f4', 'fortran_order': True, 'shape': \(axes)}", body: [0, 0, 128, 63])
    #expect(
      "\(failure { () throws(DatasetError) in try NumPyFile.tensor(file, path: "x") }!)".contains(
        "more than can be read"))
    let long = npy(header: "{\"descr\": '=f4', 'fortran_order': True, 'shape': (1L, 1L)}\n", body: [0, 0, 128, 63])
    #expect(try NumPyFile.tensor(long, path: "x") == Tensor([1, 1], scalars: [1]))
  }
}

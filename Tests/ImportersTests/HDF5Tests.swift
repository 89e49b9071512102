import Foundation
import Testing

@testable import Importers

@Suite("HDF5 files are listed")
struct HDF5Tests {
  @Test("every group and dataset once, with shape and type")
  func contents() throws {
    let lines = try HDF5File.contents(Fixtures.path("hdf5/objects.h5"))
      .map { "\($0.name) \($0.kind) \($0.shape.map { "\($0)" } ?? "-") \($0.type ?? "-")" }
    #expect(
      lines == [
        "again group - -",
        "again/conv1 group - -",
        "again/conv1/bias:0 dataset [3] float16",
        "again/conv1/kernel:0 dataset [3, 3, 2, 3] float32",
        "names dataset [2] string",
        "numbers group - -",
        "numbers/big_endian dataset [4] float64 big-endian",
        "numbers/bytes dataset [100] uint8",
        "numbers/none dataset [0, 5] int64",
        "scalar dataset [] int32",
      ])
  }

  @Test("the version is that of the library") func version() {
    #expect(HDF5Library.version.wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
  }

  @Test("what is no HDF5 file is refused in the words of the library")
  func refusals() throws {
    func message(_ name: String) -> String {
      do { return "\(try HDF5File.contents(Fixtures.path(name)).count) objects" } catch { return error.description }
    }
    #expect(
      message("onnx/rejected/text.onnx")
        == "text.onnx: cannot be read: unable to open file: file signature not found")
    #expect(message("onnx/rejected/empty.onnx") == "empty.onnx: is empty")
    #expect(message("hdf5") == "hdf5: is not a regular file")
    #expect(message("nowhere.h5") == "nowhere.h5: no such file: \(Fixtures.path("nowhere.h5"))")
  }

  /// What is written of an array: its header, and its bytes.
  private func array(_ name: String, of file: String = "hdf5/images.h5") throws -> (header: String, bytes: [UInt8]) {
    var file = (bytes: [UInt8](), path: Fixtures.path(file))
    try HDF5File.writeArray(name, of: file.path) { file.bytes.append(contentsOf: $0) }
    let length = Int(file.bytes[8]) | Int(file.bytes[9]) << 8
    #expect((10 + length) % 64 == 0 && file.bytes[9 + length] == UInt8(ascii: "\n"))
    return (
      String(decoding: file.bytes[10..<10 + length], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines),
      Array(file.bytes[(10 + length)...])
    )
  }

  @Test("arrays of numbers are written as NumPy writes them")
  func arrays() throws {
    let images = try array("x_train")
    #expect(images.header == "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 5, 4, 3), }")
    #expect(images.bytes == (0..<360).map { UInt8($0 * 7 % 256) })
    let labels = try array("y_train")
    #expect(labels.header == "{'descr': '<i8', 'fortran_order': False, 'shape': (6,), }")
    #expect(labels.bytes == [2, 0, 1, 2, 1, 0].flatMap { [$0, 0, 0, 0, 0, 0, 0, 0] })
    let halves = try array("other/x")
    #expect(halves.header == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 5, 4), }")
    let floats = halves.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(floats.count == 120 && floats[0] == 0 && floats[1] == 21.0 / 8 && floats[20] == 7.0 / 8)
    #expect(try array("scalar", of: "hdf5/objects.h5").bytes == [7, 0, 0, 0])
    #expect(try array("numbers/none", of: "hdf5/objects.h5").bytes.isEmpty)
    #expect(try array("numbers/bytes", of: "hdf5/objects.h5").bytes == (0..<100).map { UInt8($0) })
  }

  /// Seventy million zeros in some ten thousand bytes: nothing is read of them.
  @Test("an array that unpacks to more than its file may ask for is refused, and what to do is said")
  func packedZeros() throws {
    let path = Fixtures.path("hdf5/zeros.h5")
    let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
    let words =
      "zeros.h5: array 'model_weights/wide/wide/kernel:0': its [7000, 10000] numbers are, with those read before, more "
      + "than a file of \(size) bytes may ask for: write the file again without compression"
    #expect(size < 150_000)
    func message(_ read: () throws -> Void) -> String {
      do { try read() } catch { return "\(error)" }
      return "read"
    }
    let source = try HDF5Tensors(path, opening: HDF5Reading.open)
    #expect(message { _ = try source.read("model_weights/wide/wide/kernel:0") } == words)
    #expect(message { _ = try KerasImporter.graph(from: path, opening: HDF5Reading.open) } == words)
  }

  @Test("all arrays of a file have one budget") func budget() throws {
    var budget = HDF5Budget(bytes: 1000)
    let half = HDF5Object(name: "half", kind: .dataset, shape: [1 << 25])
    try budget.take(half)
    try budget.take(half)
    try budget.take(HDF5Object(name: "rest", kind: .dataset, shape: [2000]))
    let one = HDF5Object(name: "one", kind: .dataset, shape: [])
    #expect(throws: ImportError.Problem.self) { try budget.take(one) }
  }

  @Test("what is no array of numbers is refused")
  func noArrays() {
    func message(_ name: String) -> String {
      do { return "\(try array(name).bytes.count) bytes" } catch { return "\(error)" }
    }
    #expect(message("nowhere") == "images.h5: array 'nowhere': there is none of this name")
    #expect(message("other") == "images.h5: array 'other': there is none of this name")
    #expect(message("other/words") == "images.h5: array 'other/words': holds no whole numbers and no floats")
    #expect(
      message("other/unwritten")
        == "images.h5: array 'other/unwritten': [8589934592, 1048576] numbers are more than can be read")
    #expect(
      message("other/empty")
        == "images.h5: array 'other/empty': most of its [1048576, 1024] numbers were never written")
  }
}

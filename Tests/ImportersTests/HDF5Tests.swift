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
}

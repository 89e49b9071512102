import Datasets
import Foundation
import Importers
import Packed
import Tensors

/// Something that reads files which nobody has checked.
struct FuzzTarget {
  let name: String
  /// Files to begin with, below the root of the project.
  let corpus: [String]
  /// How the name of a changed file ends.
  let fileExtension: String
  /// Reads a file. Errors are answers; what must not happen is a crash, a hang, or a flood of memory.
  let read: (_ path: String) throws -> Void

  /// Every target: each importer and each kind of file that it reads, arrays, and packed files.
  static var all: [FuzzTarget] {
    importers.flatMap { importer in importer.fileExtensions.compactMap { imported(by: importer, $0) } }
      + [numPy("npy"), numPy("npz"), packed, weights]
  }

  private static func imported(by importer: any Importer.Type, _ fileExtension: String) -> FuzzTarget? {
    let corpus = files(below: "fixtures", fileExtension)
    guard !corpus.isEmpty else { return nil }
    let name = importer.fileExtensions.count == 1 ? importer.name : "\(importer.name)-\(fileExtension)"
    return FuzzTarget(name: name, corpus: corpus, fileExtension: fileExtension) { path in
      // Both readings, whatever the first one says.
      let contents = Result { try importer.contents(of: path) }
      _ = try importer.graph(from: path)
      _ = try contents.get()
    }
  }

  private static func numPy(_ fileExtension: String) -> FuzzTarget {
    FuzzTarget(
      name: fileExtension, corpus: files(below: "fixtures/datasets", fileExtension), fileExtension: fileExtension
    ) { path in
      if fileExtension == "npy" {
        _ = try NumPyFile.read(path)
      } else {
        _ = try NumPyReader.read([path], DatasetRequest(.train))
      }
    }
  }

  /// Reads a packed file, and runs it where that is soon done.
  private static var packed: FuzzTarget {
    FuzzTarget(name: "packed", corpus: files(below: "formats", "signum"), fileExtension: "signum") { path in
      let runner = try PackedRunner(try PackedFile.decode(sealed(path)), threads: 1)
      guard runner.shapes.values.reduce(0, { $0 + $1.reduce(1, *) }) < 1 << 16 else { return }
      _ = try runner.run(Tensor(Shape([2] + runner.model.input.shape), repeating: 0.5))
    }
  }

  /// Reads weights without a network.
  private static var weights: FuzzTarget {
    let corpus = files(below: "formats/golden/weights", "signum")
    return FuzzTarget(name: "weights", corpus: corpus, fileExtension: "signum") { path in
      for weight in try WeightsFile.decode(sealed(path)).weights { _ = weight.weight.coded?.decoded() }
    }
  }

  /// The bytes of a packed file with the checksum that they should have, so that changes reach what lies behind it.
  private static func sealed(_ path: String) throws -> Data {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    guard let place = data.range(of: Data("\"checksum\":\"".utf8)), place.upperBound + 64 <= data.count else {
      return data
    }
    let digits = place.upperBound..<place.upperBound + 64
    data.replaceSubrange(digits, with: Data(repeating: 0x30, count: 64))
    data.replaceSubrange(digits, with: Data(SHA256.hexadecimal(of: data).utf8))
    return data
  }

  /// Files of the project, the small ones first.
  private static func files(below folder: String, _ fileExtension: String) -> [String] {
    let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return found.filter { ($0 as NSString).pathExtension == fileExtension }.map { "\(folder)/\($0)" }
      .map { ($0, (try? Data(contentsOf: URL(fileURLWithPath: $0)))?.count ?? 0) }
      .filter { 1..<1 << 20 ~= $0.1 }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
  }
}

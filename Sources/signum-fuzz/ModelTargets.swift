import Foundation
import Importers
import Packed
import Tensors

extension FuzzTarget {
  /// Each importer and each kind of file that it reads, and packed files.
  static var models: [FuzzTarget] {
    importers.flatMap { importer in importer.fileExtensions.compactMap { imported(by: importer, $0) } }
      + [packed, weights]
  }

  private static func imported(by importer: any Importer.Type, _ fileExtension: String) -> FuzzTarget? {
    let found = files(below: "fixtures", fileExtension)
    guard !found.isEmpty else { return nil }
    let name = importer.fileExtensions.count == 1 ? importer.name : "\(importer.name)-\(fileExtension)"
    return FuzzTarget(name: name, fileExtension: fileExtension, corpus: { contents(of: found) }) { path in
      // Both readings, whatever the first one says.
      let contents = Result { try importer.contents(of: path) }
      _ = try importer.graph(from: path)
      _ = try contents.get()
    }
  }

  /// Reads a packed file, and runs it where that is soon done.
  private static var packed: FuzzTarget {
    FuzzTarget(
      name: "packed", fileExtension: "signum", corpus: { contents(of: files(below: "formats", "signum")) }
    ) { path in
      let runner = try PackedRunner(try PackedFile.decode(sealed(path)), threads: 1)
      guard runner.shapes.values.reduce(0, { $0 + $1.reduce(1, *) }) < 1 << 16 else { return }
      _ = try runner.run(Tensor(Shape([2] + runner.model.input.shape), repeating: 0.5))
    }
  }

  /// Reads weights without a network.
  private static var weights: FuzzTarget {
    FuzzTarget(
      name: "weights", fileExtension: "signum",
      corpus: { contents(of: files(below: "formats/golden/weights", "signum")) }
    ) { path in
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
}

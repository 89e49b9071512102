import Datasets
import Foundation
import Tensors

extension FuzzTarget {
  /// Each kind of file that images and arrays come in.
  static var datasets: [FuzzTarget] {
    [numPy, images("png"), images("jpg")]
      + [
        dataset("npz", NumPyReader.self) { contents(of: files(below: "fixtures/datasets", "npz")) },
        dataset("idx3-ubyte", IDXReader.self) { idx(isPacked: false) },
        dataset("idx3-ubyte.gz", IDXReader.self) { idx(isPacked: true) },
        dataset("bin", CIFARReader.self) { cifar },
      ]
  }

  private static var numPy: FuzzTarget {
    FuzzTarget(
      name: "npy", fileExtension: "npy", corpus: { contents(of: files(below: "fixtures/datasets", "npy")) }
    ) { path in _ = try NumPyFile.read(path) }
  }

  /// Decodes an image and brings it to the size of a network's input.
  private static func images(_ fileExtension: String) -> FuzzTarget {
    FuzzTarget(
      name: fileExtension, fileExtension: fileExtension,
      corpus: { contents(of: files(below: "fixtures/datasets/images", fileExtension)) }
    ) { path in
      var request = DatasetRequest(.train)
      request.isStrict = true
      request.imageShape = [3, 24, 24]
      try use(ImageFolderReader.read([path], request))
    }
  }

  private static func dataset(
    _ fileExtension: String, _ reader: any DatasetReader.Type, _ corpus: @escaping () -> [[UInt8]]
  ) -> FuzzTarget {
    let name = fileExtension == "npz" ? "npz" : reader.name + (fileExtension.hasSuffix("gz") ? "-gz" : "")
    return FuzzTarget(name: name, fileExtension: fileExtension, corpus: corpus) { path in
      try use(reader.read([path], DatasetRequest(.train)))
    }
  }

  /// Reads some images, as training does.
  private static func use(_ dataset: any Dataset) throws {
    let normalization: Normalization? = nil
    _ = dataset.images(0..<min(2, dataset.count), normalization: normalization)
  }

  private static func idx(isPacked: Bool) -> [[UInt8]] {
    let names = FileManager.default.enumerator(atPath: "fixtures/datasets/idx")?.compactMap { $0 as? String } ?? []
    let images = names.sorted().filter { $0.contains("images") && $0.hasSuffix(".gz") == isPacked }
    return contents(of: images.map { "fixtures/datasets/idx/\($0)" })
  }

  /// Two images of bytes that go up, with one label before each, and with two.
  private static var cifar: [[UInt8]] {
    [1, 2].map { labels in
      (0..<2).flatMap { image in
        [UInt8](repeating: UInt8(image), count: labels) + (0..<3072).map { UInt8(truncatingIfNeeded: $0 + image) }
      }
    }
  }
}

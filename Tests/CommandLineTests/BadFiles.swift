import Datasets
import Foundation
import Tensors
import TestSupport

/// Files that nobody should have given to `signum`, in a folder of their own.
struct BadFiles {
  static let model = "fixtures/demo/fashion_tiny.onnx"
  static let packed = "formats/golden/residual.signum"
  static let data = "fixtures/fashion-mnist"

  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try makeModels()
    try makeRecipes()
    try makeArrays()
    try makeImages()
  }

  func path(_ name: String) -> String { folder.path(name) }

  private func makeModels() throws {
    let model = try Data(contentsOf: URL(fileURLWithPath: Project.path(Self.model)))
    let packed = try Data(contentsOf: URL(fileURLWithPath: Project.path(Self.packed)))
    for (suffix, bytes, place) in [("onnx", model, 60), ("signum", packed, packed.count - 70)] {
      _ = try folder.write("empty.\(suffix)", Data())
      _ = try folder.write("text.\(suffix)", "Dear model,\nplease be one.\n")
      _ = try folder.write("cut.\(suffix)", bytes.prefix(bytes.count / 2))
      var flipped = bytes
      flipped[place] ^= 0x80
      _ = try folder.write("flipped.\(suffix)", flipped)
      _ = try folder.folder("folder.\(suffix)")
    }
    let hierarchy = try Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/hdf5/objects.h5")))
    _ = try folder.write("cut.h5", hierarchy.prefix(700))
    _ = try folder.write("text.h5", "no")
    _ = try folder.write("model.pt", "no")
    _ = try folder.write("model", "no")
  }

  private func makeRecipes() throws {
    _ = try folder.write("keys.yaml", "method: xnro\nepoch: 3\nlearning-rate: fast\noptions: 3\n")
    _ = try folder.write("types.yaml", "epochs: 3.5\nflip: 1\nseed: -1\nmethod: 3\n")
    _ = try folder.write("ranges.yaml", "batch: 0\nmomentum: 1\ntemperature: .nan\nvalidation: 2\n")
    _ = try folder.write("tab.yaml", "method: xnor\n\tepochs: 3\n")
    _ = try folder.write("open.yaml", "options: {a: 1\n")
    _ = try folder.write("twice.yaml", "epochs: 1\nepochs: 2\n")
    _ = try folder.write("empty.yaml", "")
    _ = try folder.write("bytes.yaml", Data([0xff, 0xfe, 0x00]))
  }

  private func makeArrays() throws {
    func write(_ name: String, _ dimensions: [Int], _ number: (Int) -> Float = { _ in 0 }) throws {
      let shape = Shape(dimensions)
      try NumPyFile.write(Tensor(shape) { for i in $0.indices { $0[i] = number(i) } }, to: path(name))
    }
    try write("array.npy", [2, 1, 28, 28])
    try write("narrow.npy", [2, 1, 28, 27])
    try write("scalar.npy", [])
    for name in ["labels", "colour", "fraction", "counts", "nothing"] { _ = try folder.folder(name) }
    for name in ["labels", "fraction", "counts"] { try write("\(name)/x_train.npy", [20, 1, 28, 28]) }
    try write("labels/y_train.npy", [20]) { Float($0 % 12) }
    try write("fraction/y_train.npy", [20]) { Float($0) / 4 }
    try write("counts/y_train.npy", [19])
    try write("colour/x_train.npy", [20, 3, 28, 28])
    try write("colour/y_train.npy", [20])
  }

  private func makeImages() throws {
    let image = try Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/datasets/images/colour.jpg")))
    for (name, bytes) in [
      ("photographs/a/text.png", Data("no".utf8)), ("photographs/a/whole.jpg", image),
      ("photographs/b/cut.jpg", image.prefix(image.count - 300)), ("photographs/b/empty.jpeg", Data()),
      ("loose/a/1.jpg", image), ("loose/2.jpg", image),
    ] {
      _ = try self.folder.folder((name as NSString).deletingLastPathComponent)
      _ = try self.folder.write(name, bytes)
    }
  }
}

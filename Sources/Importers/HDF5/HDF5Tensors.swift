import Tensors

/// The arrays of numbers in an HDF5 file that holds no graph, or whose graph nobody wants.
package final class HDF5Tensors: TensorSource {
  package let entries: [TensorEntry]
  package let notes: [String]
  private let source: any HDF5Source
  private let places: [String: Int]
  private let path: String

  /// Of a `.keras` archive those of its weights. What an optimizer keeps for each weight is none of them.
  package init(_ path: String, opening: HDF5Opening = HDF5Session.open) throws(ImportError) {
    self.path = path
    source = try opening(try HDF5Tensors.place(of: path))
    let (arrays, moments) = HDF5Tensors.arrays(among: source.objects)
    entries = arrays.map(\.entry)
    places = Dictionary(arrays.map { ($0.entry.name, $0.index) }) { first, _ in first }
    notes =
      moments == 0
      ? [] : ["left out are \(moments) arrays of the optimizer: only training that goes on reads them"]
  }

  /// The arrays of numbers with their places among the objects of a file, and how many more are the optimizer's.
  static func arrays(among objects: [HDF5Object]) -> (arrays: [(entry: TensorEntry, index: Int)], moments: Int) {
    let isOfOptimizer = optimizer(of: objects)
    var (arrays, moments): ([(entry: TensorEntry, index: Int)], Int) = ([], 0)
    for (index, object) in objects.enumerated() {
      guard object.kind == .dataset, let type = object.numberType, let shape = object.shape else { continue }
      guard !isOfOptimizer(object.name) else { moments += 1; continue }
      arrays.append((TensorEntry(name: object.name, shape: shape, type: type), index))
    }
    return (arrays, moments)
  }

  /// Whether an array is the optimizer's, by its name.
  ///
  /// Keras writes `optimizer_weights` beside `model_weights`; the tree of Keras 3 has `optimizer` beside `layers`. In a
  /// file of layers alone a layer may bear that name, and has no `vars` at once in its group.
  private static func optimizer(of objects: [HDF5Object]) -> (String) -> Bool {
    let groups = Set(objects.filter { $0.kind == .group }.map(\.name))
    var starts: [String] = []
    if groups.contains("model_weights") { starts.append("optimizer_weights/") }
    let isTree = ["layers", "_layer_checkpoint_dependencies", "optimizer/vars"].contains { groups.contains($0) }
    if isTree { starts.append("optimizer/") }
    return { name in starts.contains { name.hasPrefix($0) } }
  }

  private static func place(of path: String) throws(ImportError) -> HDF5Place {
    do throws(ImportError.Problem) {
      return HDF5Place(path, member: try KerasArchive.isArchive(path) ? KerasArchive.weights : nil)
    } catch {
      throw ImportError(path, error)
    }
  }

  package func read(_ name: String) throws(ImportError) -> Tensor {
    guard let index = places[name] else {
      throw ImportError(path, .value("array", name: name, problem: "there is none of this name"))
    }
    return try source.tensor(at: index)
  }
}

extension HDF5Object {
  /// How the numbers of a dataset are stored; nil where it holds none.
  var numberType: String? {
    if attributes?["dtype"] == ["bfloat16"] { return "bfloat16" }
    guard let type, ["float", "int", "uint"].contains(where: { type.hasPrefix($0) }) else { return nil }
    return type
  }
}

import Tensors

/// The arrays of numbers in an HDF5 file that holds no graph, or whose graph nobody wants.
package final class HDF5Tensors: TensorSource {
  package let entries: [TensorEntry]
  private let source: any HDF5Source
  private let places: [String: Int]
  private let path: String

  /// Of a `.keras` archive those of its weights.
  package init(_ path: String, opening: HDF5Opening = HDF5Session.open) throws(ImportError) {
    self.path = path
    source = try opening(try HDF5Tensors.place(of: path))
    var (entries, places): ([TensorEntry], [String: Int]) = ([], [:])
    for (index, object) in source.objects.enumerated() {
      guard object.kind == .dataset, let type = object.numberType, let shape = object.shape else { continue }
      entries.append(TensorEntry(name: object.name, shape: shape, type: type))
      places[object.name] = index
    }
    (self.entries, self.places) = (entries, places)
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

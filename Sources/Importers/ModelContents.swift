import Foundation
import Tensors

/// What a model file says of itself, found without reading its weights.
package struct ModelContents: Hashable, Sendable {
  /// An input or output as the file declares it.
  package struct Port: Hashable, Sendable {
    package var name: String
    /// As in `TensorEntry`; empty where the file names none.
    package var type: String
    /// Nil for a size that is left open. The whole is nil where the file names no shape.
    package var shape: [Int?]?

    package init(name: String, type: String, shape: [Int?]?) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  package struct OperatorCount: Hashable, Sendable {
    package var name: String
    package var count: Int
    package var isSupported: Bool

    package init(name: String, count: Int, isSupported: Bool) {
      self.name = name
      self.count = count
      self.isSupported = isSupported
    }
  }

  /// A node that reads a weight of two axes or more.
  package struct WeightUse: Hashable, Sendable {
    package var node: String
    package var operation: String
    package var weight: TensorEntry
    /// Whether it multiplies by that weight as a convolution or dense layer does, so that methods can code it.
    package var isProduct: Bool

    package init(node: String, operation: String, weight: TensorEntry, isProduct: Bool) {
      self.node = node
      self.operation = operation
      self.weight = weight
      self.isProduct = isProduct
    }
  }

  /// The format with its version, and who wrote the file, in words.
  package var format: String
  package var inputs: [Port]
  package var outputs: [Port]
  /// The commonest first.
  package var operators: [OperatorCount]
  package var tensors: [TensorEntry]
  package var weightUses: [WeightUse]
  /// What keeps the model from being imported and shows without its weights.
  package var problems: [ImportError.Problem]

  package init(
    format: String, inputs: [Port], outputs: [Port], operators: [OperatorCount], tensors: [TensorEntry],
    weightUses: [WeightUse], problems: [ImportError.Problem]
  ) {
    self.format = format
    self.inputs = inputs
    self.outputs = outputs
    self.operators = operators
    self.tensors = tensors
    self.weightUses = weightUses
    self.problems = problems
  }

  /// How many numbers all tensors hold together.
  package var parameters: Int { tensors.reduce(0) { $0.addingWithoutOverflow($1.count ?? 0) } }
  /// How many bytes all tensors take together as they are stored.
  package var bytes: Int { tensors.reduce(0) { $0.addingWithoutOverflow($1.bytes ?? 0) } }
}

extension TensorEntry {
  /// How many bytes it takes as it is stored; nil where that cannot be told.
  package var bytes: Int? {
    guard let bits = Self.bits(of: type), let count else { return nil }
    let (whole, overflow) = count.multipliedReportingOverflow(by: bits)
    return overflow ? nil : whole / 8 + (whole % 8 == 0 ? 0 : 1)
  }

  /// Bits of a number: `float32` has 32, `bool` takes 8.
  private static func bits(of type: String) -> Int? {
    if type == "bool" { return 8 }
    if type.hasPrefix("float8") { return 8 }
    if type.hasPrefix("float4") { return 4 }
    let digits = type.reversed().prefix { $0.isNumber }
    guard let bits = Int(String(digits.reversed())) else { return nil }
    return bits
  }
}

extension Int {
  /// The sum, or the largest number there is.
  fileprivate func addingWithoutOverflow(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

/// The importer that the extension of a file names.
package func importer(for path: String) throws(ImportError) -> any Importer.Type {
  let fileExtension = (path as NSString).pathExtension.lowercased()
  guard let importer = importers.first(where: { $0.fileExtensions.contains(fileExtension) }) else {
    throw ImportError(path, .unknownExtension(fileExtension, known: importers.flatMap { $0.fileExtensions }))
  }
  return importer
}

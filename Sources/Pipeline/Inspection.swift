import Foundation
import Graphs
import Importers
import Methods
import Packed

/// What is in a model file: what goes in and comes out, what it is made of, and what can become bits.
public struct Inspection: Codable, Hashable, Sendable {
  public struct Layer: Codable, Hashable, Sendable {
    public var name: String
    public var kind: String
    public var shape: [Int]
    /// How many weights it has.
    public var weights: Int
    /// Bits in which one weight is stored, 0 where it has none; levels and codebooks apart.
    public var bits: Double
    /// Products that are added up for the shape of the input.
    public var multiplyAdds: Int
    /// What its weight is made of, in a packed file.
    public var weight: Weight?
  }
  /// The weight of a packed layer.
  public struct Weight: Codable, Hashable, Sendable {
    /// `float`, `binary`, `ternary`, `uniform`, `symmetric` or `codebook`.
    public var alphabet: String
    /// In the file: symbols, levels and codebook, and the layer's bias.
    public var bytes: Int
    /// The share of weights that are 0, from 0 to 1.
    public var zeros: Double
    /// Bits a weight that the symbols would need at least, were each drawn on its own; nil for floats.
    public var entropy: Double?
  }
  /// An input or an output.
  public struct Port: Codable, Hashable, Sendable {
    public var name: String
    /// `float32` and so on; empty where the file names none.
    public var type: String
    /// Nil in the place of a size that is left open. The whole is nil where the file names no shape.
    public var shape: [Int?]?
  }
  public struct OperatorCount: Codable, Hashable, Sendable {
    public var name: String
    public var count: Int
    public var isSupported: Bool
  }
  /// Numbers of one type.
  public struct StoredType: Codable, Hashable, Sendable {
    public var type: String
    /// How many tensors, or layers of a packed file.
    public var tensors: Int
    public var numbers: Int
    public var bytes: Int
  }
  /// A weight of two axes or more, and whether methods can make bits of it.
  public struct Coding: Codable, Hashable, Sendable {
    public var layer: String
    public var kind: String
    public var shape: [Int]
    public var canBeCoded: Bool
    /// Why not, or what holds unless it is asked for; nil where there is nothing to say.
    public var reason: String?
  }
  /// A tensor of a file in which nothing says what is computed with it.
  public struct StoredTensor: Codable, Hashable, Sendable {
    public var name: String
    public var type: String
    public var shape: [Int]
    /// As it is stored; nil where that cannot be told.
    public var bytes: Int?
  }
  public var file: String
  /// `float`, `packed`, or `weights` for packed weights without a network.
  public var format: String
  /// The format with its version, and who wrote the file, in words.
  public var origin: String
  public var bytes: Int
  /// The first input and its shape.
  public var input: String
  public var inputShape: [Int]
  /// Of the first output.
  public var outputShape: [Int]
  public var inputs: [Port]
  public var outputs: [Port]
  public var operators: [OperatorCount]
  public var types: [StoredType]
  /// How many numbers the file holds.
  public var parameters: Int
  /// For the shape of the input as it stands here; nil where the model was not imported.
  public var multiplyAdds: Int?
  /// Empty where the model was not imported.
  public var layers: [Layer]
  public var codings: [Coding]
  /// What the file holds, where it has no network.
  public var tensors: [StoredTensor] = []
  /// What is odd about the file and keeps nobody from using it.
  public var warnings: [String]
  /// What keeps it from being imported.
  public var problems: [String]
  /// What keeps it from being packed.
  public var unpackable: [String]
  /// Where a packed file came from, by name.
  public var provenance: [String: String]

  /// Reads a model file.
  ///
  /// A float network that cannot be imported is still listed, with everything that keeps it from being imported. One
  /// with more than `largest` bytes of weights is listed by what the file says of itself: its weights are not read.
  ///
  /// Throws where the file is none of its format.
  public init(of path: String, largest: Int = 64 << 20) throws {
    if AnyModel.isPacked(path) {
      try AnyModel.requirePackedFile(path)
      do {
        self.init(packed: try PackedFile.read(path), path)
      } catch PackedFileError.inFile(_, .unsupportedFormat(WeightsFile.format)) {
        self.init(weights: try WeightsFile.read(path), path)
      } catch { throw AnyModel.explained(error, path) }
    } else {
      try AnyModel.requireKnownExtension(path)
      try self.init(float: path, largest)
    }
  }
}

extension AnyModel {
  /// Throws `InputError` where the extension of a file is that of no model.
  static func requireKnownExtension(_ path: String) throws {
    let known = importers.flatMap { $0.fileExtensions } + [Self.packedExtension]
    guard Output.kind(path) != S_IFDIR else { throw InputError(["\(path): is a folder; a file is wanted"]) }
    let found = (path as NSString).pathExtension.lowercased()
    guard known.contains(found) else {
      throw InputError([
        (path.isEmpty ? "the model" : path) + ": "
          + (found.isEmpty ? "has no file extension" : "the file extension '\(found)' is not known")
          + suggestion(for: found, among: known)
      ])
    }
  }
}

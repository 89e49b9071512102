import CONNX
import Foundation
import Tensors

/// Numbers from a file of their own, as test data of ONNX are kept: one tensor in protobuf.
package struct ONNXValues: Sendable {
  let literal: Literal

  /// Throws where the bytes are no tensor of numbers.
  package init(from path: String) throws(ImportError) {
    do {
      let file = try MappedFile(path)
      let tensor = try ONNXTensor(ONNXSkeleton(of: file.bytes, as: .tensor))
      var files = ONNXFiles(file, path: path)
      do { literal = try tensor.decoded(from: &files) } catch { throw ImportError.Problem.model(error.words) }
    } catch {
      throw ImportError(path, explaining: error)
    }
  }

  package var shape: Shape { literal.shape }

  /// What it is called in the file.
  package var type: String { literal.type.name }

  /// The numbers as they are at run time; nil where a whole number is too large for `Float` to hold it exactly.
  package var tensor: Tensor? { literal.floats }

  /// The numbers, whole ones exactly up to 2⁵³.
  package var numbers: [Double] {
    switch literal.numbers {
    case .floats(let tensor): tensor.scalars.map { Double($0) }
    case .integers(let integers): integers.map { Double($0) }
    }
  }
}

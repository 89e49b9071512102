import Tensors

/// Where an HDF5 file lies: on its own, or in a ZIP archive.
package struct HDF5Place: Hashable, Sendable {
  package var path: String
  /// The name of the file in the archive.
  package var member: String?

  package init(_ path: String, member: String? = nil) {
    self.path = path
    self.member = member
  }
}

/// An HDF5 file that is open for reading, in this process or in another.
package protocol HDF5Source: AnyObject {
  /// Everything in it, each thing once, in the order of names; first the root, whose name is empty.
  var objects: [HDF5Object] { get }

  /// The numbers of the dataset at a place of the list, as floats in row-major order.
  func tensor(at index: Int) throws(ImportError) -> Tensor
}

/// How many numbers may still be read of a file: a fixed number of them, and some for each of its bytes.
///
/// Deflate packs a thousand zeros into a byte, so that a file of four megabytes could ask for gigabytes. Weights that
/// were trained are hardly packed at all; those that are not packed always fit.
struct HDF5Budget {
  private let size: Int
  private var left: Int

  /// - Parameter size: of the file, or of the archive that it lies in.
  init(bytes size: Int) {
    self.size = size
    left = 1 << 26 + 2 * size
  }

  mutating func take(_ object: HDF5Object) throws(ImportError.Problem) {
    guard let count = Shape.count(of: object.shape ?? []), count <= left else {
      throw .value(
        "array", name: object.name,
        problem: "its \(object.shape ?? []) numbers are, with those read before, more than a file of \(size) bytes may "
          + "ask for: write the file again without compression")
    }
    left -= count
  }
}

/// Opens HDF5 files: `HDF5Session.open` for files of strangers, `HDF5Reading.open` for files that are known to be good.
package typealias HDF5Opening = @Sendable (HDF5Place) throws(ImportError) -> any HDF5Source

/// Reads an HDF5 file in this process. The library crashes on some damaged files and hangs on others: a program that
/// reads files of strangers opens an `HDF5Session` instead, whose child reads by this.
package final class HDF5Reading: HDF5Source {
  package let objects: [HDF5Object]
  private let file: HDF5Handle
  private let path: String
  private var budget: HDF5Budget

  package init(_ place: HDF5Place) throws(ImportError) {
    path = place.path
    HDF5Library.lock.lock()
    defer { HDF5Library.lock.unlock() }
    do throws(ImportError.Problem) {
      HDF5Library.silenceErrors()
      budget = HDF5Budget(bytes: try MappedFile(place.path).bytes.count)
      file = try HDF5File.open(place)
      objects = try HDF5File.objects(in: file)
    } catch {
      throw ImportError(place.path, error)
    }
  }

  package static let open: HDF5Opening = { place throws(ImportError) in try HDF5Reading(place) }

  package func tensor(at index: Int) throws(ImportError) -> Tensor {
    HDF5Library.lock.lock()
    defer { HDF5Library.lock.unlock() }
    do {
      let array = try array(at: index)
      try budget.take(objects[index])
      var failure: (any Error)?
      let tensor = Tensor(array.shape) { target in
        do {
          try array.readFloats { part, start in
            _ = UnsafeMutableBufferPointer(rebasing: target[start..<(start + part.count)]).update(fromContentsOf: part)
          }
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      return tensor
    } catch {
      throw ImportError(path, explaining: error)
    }
  }

  func array(at index: Int) throws(ImportError.Problem) -> HDF5Array {
    guard objects.indices.contains(index), objects[index].kind == .dataset else {
      throw .model("has no array of the number \(index)")
    }
    let isBrainFloat = objects[index].attributes?["dtype"] == ["bfloat16"]
    return try HDF5Array(objects[index].name, in: file, isBrainFloat: isBrainFloat)
  }
}

import CHDF5
import Foundation
import Tensors

extension HDF5File {
  /// Writes an array of numbers as a `.npy` file, a part at a time, so that no more than a part is in memory.
  ///
  /// Whole numbers keep their width, floats of every width become 32-bit ones; all with the lowest byte first, the last
  /// axis fastest. To be called in a child process, as `contents` is.
  ///
  /// Throws `ImportError` where there is no such array, where it holds no numbers or was never written, and where it is
  /// larger than 8 GB; and whatever `write` throws.
  package static func writeArray(
    _ name: String, of path: String, to write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    HDF5Library.lock.lock()
    defer { HDF5Library.lock.unlock() }
    do {
      HDF5Library.silenceErrors()
      let file = try open(HDF5Place(path))
      let array = try HDF5Array(name, in: file)
      try array.numPyHeader.withUnsafeBytes(write)
      try array.forEachPart(write)
    } catch let problem as ImportError.Problem {
      throw ImportError(path, problem)
    }
  }
}

/// An array of numbers in an HDF5 file that is open.
struct HDF5Array: ~Copyable {
  /// What an element is in memory.
  private struct Element {
    /// Predefined, so that nobody closes it.
    let type: hid_t
    /// As NumPy writes it.
    let description: String
    let size: Int
    /// Whether the upper halves of floats are stored, as two bytes that HDF5 has no name for.
    var isBrainFloat = false
  }

  private let dataset: HDF5Handle
  private let space: HDF5Handle
  private let dimensions: [Int]
  private let element: Element

  private static let largest = 8 << 30
  /// How many bytes are read at once, but for a row or a chunk that is larger.
  private static let part = 8 << 20

  /// - Parameter isBrainFloat: whether elements of two nameless bytes are floats of 16 bits with 8 for the exponent, as
  ///   an attribute of the dataset says.
  init(
    _ name: String, in file: borrowing HDF5Handle, isBrainFloat: Bool = false
  ) throws(ImportError.Problem) {
    let id = H5Dopen2(file.id, name, hdf5_default_properties())
    guard id >= 0 else { throw .value("array", name: name, problem: "there is none of this name") }
    let dataset = try HDF5Handle(id, close: { H5Dclose($0) })
    let space = try HDF5Handle(H5Dget_space(id), close: { H5Sclose($0) })
    let dimensions = try Self.dimensions(of: space)
    let stored = try HDF5Handle(H5Dget_type(id), close: { H5Tclose($0) })
    let element = isBrainFloat ? Self.brainFloat(stored) : Self.element(stored)
    if let problem = Self.elsewhere(dataset) { throw .value("array", name: name, problem: problem) }
    if let problem = Self.problem(dimensions, element, storage: Int(clamping: H5Dget_storage_size(id))) {
      throw .value("array", name: name, problem: problem)
    }
    self.dataset = dataset
    self.space = space
    self.dimensions = dimensions
    self.element = element!
  }

  private static func brainFloat(_ stored: borrowing HDF5Handle) -> Element? {
    guard H5Tget_size(stored.id) == 2, [H5T_OPAQUE, H5T_INTEGER].contains(H5Tget_class(stored.id)) else {
      return element(stored)
    }
    return Element(type: stored.id, description: "<u2", size: 2, isBrainFloat: true)
  }

  /// What names other files would be read from places that the file chooses.
  private static func elsewhere(_ dataset: borrowing HDF5Handle) -> String? {
    guard let properties = try? HDF5Handle(H5Dget_create_plist(dataset.id), close: { H5Pclose($0) }) else { return nil }
    let isElsewhere = H5Pget_external_count(properties.id) > 0 || H5Pget_layout(properties.id) == H5D_VIRTUAL
    return isElsewhere ? "lies in other files, which are not opened" : nil
  }

  private static func element(_ stored: borrowing HDF5Handle) -> Element? {
    let width = H5Tget_size(stored.id)
    switch H5Tget_class(stored.id) {
    case H5T_FLOAT: return Element(type: hdf5_float(), description: "<f4", size: 4)
    case H5T_INTEGER where [1, 2, 4, 8].contains(width):
      let isSigned = H5Tget_sign(stored.id) != H5T_SGN_NONE
      return Element(
        type: hdf5_integer(isSigned ? 1 : 0, Int32(width)),
        description: "\(width == 1 ? "|" : "<")\(isSigned ? "i" : "u")\(width)", size: Int(width))
    default: return nil
    }
  }

  /// Why an array is not read; nil where it is.
  private static func problem(_ dimensions: [Int], _ element: Element?, storage: Int) -> String? {
    guard let element else { return "holds no whole numbers and no floats" }
    var bytes = element.size
    for size in dimensions {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
      guard !overflow else { return "\(dimensions) numbers are more than can be read" }
      bytes = product
    }
    guard bytes <= largest else { return "\(dimensions) numbers are more than can be read" }
    // Deflate packs a thousand to one at best; more was never written, and is only said to be there.
    guard bytes / 1100 <= storage else { return "most of its \(dimensions) numbers were never written" }
    return nil
  }

  private static func dimensions(of space: borrowing HDF5Handle) throws(ImportError.Problem) -> [Int] {
    let rank = H5Sget_simple_extent_ndims(space.id)
    guard rank >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    var sizes = [hsize_t](repeating: 0, count: Int(rank))
    guard H5Sget_simple_extent_dims(space.id, &sizes, nil) >= 0 else {
      throw .unreadable(reason: HDF5Library.lastError())
    }
    return sizes.map { Int(clamping: $0) }
  }

  /// Version 1.0 of the format; the numbers begin at a multiple of 64.
  var numPyHeader: [UInt8] {
    let list = dimensions.map(String.init).joined(separator: ", ") + (dimensions.count == 1 ? "," : "")
    var text = "{'descr': '\(element.description)', 'fortran_order': False, 'shape': (\(list)), }"
    text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)] + text.utf8
  }

  var shape: Shape { Shape(dimensions) }

  /// Reads some rows of the first axis at a time, in their order.
  func forEachPart(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try forEachPart(as: element.type, size: element.size) { part, _ in try body(part) }
  }

  /// The numbers as floats, some at a time, with the place of the first of them.
  func readFloats(_ body: (UnsafeBufferPointer<Float>, Int) -> Void) throws {
    guard element.isBrainFloat else {
      return try forEachPart(as: hdf5_float(), size: 4) { part, start in body(part.bindMemory(to: Float.self), start) }
    }
    // The type that is stored lives as long as the dataset is open only where it is asked for again.
    let stored = try HDF5Handle(H5Dget_type(dataset.id), close: { H5Tclose($0) })
    try forEachPart(as: stored.id, size: 2) { part, start in
      let floats = part.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
      floats.withUnsafeBufferPointer { body($0, start) }
    }
  }

  private func forEachPart(
    as type: hid_t, size: Int, _ body: (UnsafeRawBufferPointer, Int) throws -> Void
  ) throws {
    guard !dimensions.contains(0) else { return }
    let rows = dimensions.first ?? 1
    let rowCount = dimensions.dropFirst().reduce(1, *)
    let rowBytes = size * rowCount
    let step = rowsAtOnce(rowBytes: rowBytes)
    // The file says how large its chunks are, and the child may take so much memory and no more.
    let most = min(step, rows) * rowBytes
    guard let room = malloc(most) else {
      throw ImportError.Problem.unreadable(reason: "\(most) bytes of an array at once are more than memory is for")
    }
    defer { free(room) }
    let buffer = UnsafeMutableRawBufferPointer(start: room, count: most)
    for start in stride(from: 0, to: rows, by: step) {
      let count = min(step, rows - start)
      var (first, sizes) = (dimensions.map { _ in hsize_t(0) }, dimensions.map { hsize_t($0) })
      if !dimensions.isEmpty {
        (first[0], sizes[0]) = (hsize_t(start), hsize_t(count))
        guard H5Sselect_hyperslab(space.id, H5S_SELECT_SET, first, nil, sizes, nil) >= 0 else {
          throw ImportError.Problem.unreadable(reason: HDF5Library.lastError())
        }
      }
      let memory = try HDF5Handle(
        H5Screate_simple(Int32(dimensions.count), sizes, nil), close: { H5Sclose($0) })
      guard H5Dread(dataset.id, type, memory.id, space.id, hdf5_default_properties(), buffer.baseAddress) >= 0
      else {
        throw ImportError.Problem.unreadable(reason: HDF5Library.lastError())
      }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<(count * rowBytes)]), start * rowCount)
    }
  }

  /// Whole chunks, so that none is unpacked twice.
  private func rowsAtOnce(rowBytes: Int) -> Int {
    let wanted = max(1, Self.part / max(rowBytes, 1))
    guard let properties = try? HDF5Handle(H5Dget_create_plist(dataset.id), close: { H5Pclose($0) }),
      !dimensions.isEmpty, H5Pget_layout(properties.id) == H5D_CHUNKED
    else { return wanted }
    var sizes = [hsize_t](repeating: 1, count: dimensions.count)
    guard H5Pget_chunk(properties.id, Int32(sizes.count), &sizes) == Int32(sizes.count) else { return wanted }
    let chunk = max(1, Int(clamping: sizes[0]))
    return max(chunk, wanted / chunk * chunk)
  }
}

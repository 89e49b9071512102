import Foundation
import Tensors

/// The files that the weights of one model stand in: the model itself, and those beside it.
struct ONNXFiles {
  let model: MappedFile
  private let folder: ModelFolder
  private var external: [String: MappedFile] = [:]

  init(_ model: MappedFile, path: String) {
    self.model = model
    folder = ModelFolder(of: path)
  }

  /// The files beside the model that have been read, sorted.
  var externalPaths: [String] { external.keys.sorted().map(folder.place) }

  /// How many bytes have been mapped.
  var size: Int { external.values.reduce(model.bytes.count) { $0 + $1.bytes.count } }

  /// Hands pages that were read back to the system: they are in its cache, and count as this program's no more.
  func releasePages() {
    model.releasePages()
    for file in external.values { file.releasePages() }
  }

  /// The bytes of external data, after checking that its place is beside the model and inside its file.
  fileprivate mutating func bytes(external keys: [String: String]) throws(DataProblem) -> UnsafeRawBufferPointer {
    guard let location = keys["location"], !location.isEmpty else { throw DataProblem("has no 'location' of its data") }
    let parts = location.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }
    guard !location.hasPrefix("/"), !parts.contains(".."), !location.contains("\0") else {
      throw DataProblem("its data must stand beside the model, not at '\(location)'")
    }
    if external[location] == nil {
      guard folder.holds(location) else {
        throw DataProblem("its data must stand beside the model, but '\(location)' leads to another folder")
      }
      do { external[location] = try MappedFile(folder.place(of: location)) } catch {
        if case .noSuchFile = error {
          throw DataProblem("its data is missing: put the file '\(location)' beside the model")
        }
        throw DataProblem("the file '\(location)' with its data \(error)")
      }
    }
    let bytes = external[location]!.bytes
    guard let offset = Int(keys["offset"] ?? "0"), offset >= 0, offset <= bytes.count else {
      throw DataProblem("its data begins at byte \(keys["offset"]!) of '\(location)', which has \(bytes.count)")
    }
    guard let text = keys["length"] else { return UnsafeRawBufferPointer(rebasing: bytes[offset...]) }
    guard let length = Int(text), length >= 0, length <= bytes.count - offset else {
      throw DataProblem("its data is \(text) bytes long from byte \(offset) of '\(location)', which has \(bytes.count)")
    }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
  }
}

/// What is wrong with the data of a constant, in words.
struct DataProblem: Error {
  let words: String
  init(_ words: String) { self.words = words }
}

extension ONNXTensor {
  var type: ONNXElementType { ONNXElementType(elementType) }

  /// The numbers. Complexity: O(count).
  func decoded(from files: inout ONNXFiles) throws(DataProblem) -> Literal {
    guard let count = Shape.checked(dimensions)?.count else {
      throw DataProblem("has the impossible shape \(dimensions)")
    }
    guard type.isFloat || type.isInteger else {
      throw DataProblem("the element type \(type.name) is not supported")
    }
    switch storage {
    case .raw(let offset, let length):
      let all = files.model.bytes
      guard offset <= all.count, length <= UInt64(all.count) - offset else {
        throw DataProblem("stands outside the file")
      }
      return try decoded(count, UnsafeRawBufferPointer(rebasing: all[Int(offset)..<Int(offset + length)]))
    case .external(let keys): return try decoded(count, try files.bytes(external: keys))
    case .floats(let numbers): return try floats(count, numbers.count, types: [1]) { numbers[$0] }
    case .doubles(let numbers): return try floats(count, numbers.count, types: [11]) { Float(numbers[$0]) }
    case .unsigned(let numbers): return try integers(count, try numbers.map(ONNXTensor.fitting))
    case .integers(let numbers): return try decoded(count, numbers)
    }
  }

  private func decoded(_ count: Int, _ bytes: UnsafeRawBufferPointer) throws(DataProblem) -> Literal {
    switch elementType {
    case 1: try floats(count, bytes) { (value: Float) in value }
    case 10: try floats(count, bytes) { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
    case 11: try floats(count, bytes) { (value: Double) in Float(value) }
    case 16: try floats(count, bytes) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case 17, 18, 19, 20, 24: try floats(count, bytes) { (bits: UInt8) in SmallFloat(elementType).value(bits) }
    case 2, 9: try integers(count, bytes, UInt8.self)
    case 3: try integers(count, bytes, Int8.self)
    case 4: try integers(count, bytes, UInt16.self)
    case 5: try integers(count, bytes, Int16.self)
    case 6: try integers(count, bytes, Int32.self)
    case 7: try integers(count, bytes, Int64.self)
    case 12: try integers(count, bytes, UInt32.self)
    case 13: try integers(count, bytes, UInt64.self)
    default: try packed(count, bytes.count) { bytes[$0] }
    }
  }

  /// What stands in the field for 32-bit integers, which holds the bits of small floats and packed bytes too.
  private func decoded(_ count: Int, _ numbers: [Int]) throws(DataProblem) -> Literal {
    switch elementType {
    case 1, 11: try floats(count, numbers.count, types: [1, 11]) { Float(numbers[$0]) }
    case 10:
      try floats(count, numbers.count, types: [10]) {
        Float(Float16(bitPattern: UInt16(truncatingIfNeeded: numbers[$0])))
      }
    case 16:
      try floats(count, numbers.count, types: [16]) {
        Float(bitPattern: UInt32(truncatingIfNeeded: numbers[$0]) << 16)
      }
    case 17, 18, 19, 20, 24:
      try floats(count, numbers.count, types: [17, 18, 19, 20, 24]) {
        SmallFloat(elementType).value(UInt8(truncatingIfNeeded: numbers[$0]))
      }
    case 21, 22, 23, 25, 26: try packed(count, numbers.count) { UInt8(truncatingIfNeeded: numbers[$0]) }
    default: try integers(count, numbers)
    }
  }

  /// Numbers of two or four bits, the first in the lowest bits of a byte.
  private func packed(_ count: Int, _ found: Int, _ byte: (Int) -> UInt8) throws(DataProblem) -> Literal {
    let width = type.bits ?? 4
    let each = 8 / width
    try require(bytes: found, for: count, expected: (count + each - 1) / each)
    func bits(_ index: Int) -> UInt8 { byte(index / each) >> UInt8(index % each * width) & UInt8(1 << width - 1) }
    if elementType == 23 {
      return Literal(
        name,
        Tensor(Shape(dimensions)) { target in
          for i in 0..<count { target[i] = SmallFloat(elementType).value(bits(i)) }
        })
    }
    let wrap = type.isSigned ? 1 << (width - 1) : Int.max
    return Literal(
      name, Shape(dimensions),
      integers: (0..<count).map {
        let number = Int(bits($0))
        return number >= wrap ? number - 1 << width : number
      }, type: type)
  }

  private func floats<Stored>(
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ value: (Stored) -> Float
  ) throws(DataProblem) -> Literal {
    let size = MemoryLayout<Stored>.size
    try require(bytes: bytes.count, of: size, for: count)
    return Literal(
      name,
      Tensor(Shape(dimensions)) { target in
        // Floats are copied as they are: most of a large file is.
        guard Stored.self != Float.self else { return UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes) }
        for i in 0..<count { target[i] = value(bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self)) }
      })
  }

  private func integers<Stored: FixedWidthInteger>(
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ stored: Stored.Type
  ) throws(DataProblem) -> Literal {
    let size = MemoryLayout<Stored>.size
    try require(bytes: bytes.count, of: size, for: count)
    var numbers: [Int] = []
    numbers.reserveCapacity(count)
    for i in 0..<count {
      numbers.append(try ONNXTensor.fitting(bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self)))
    }
    return Literal(name, Shape(dimensions), integers: numbers, type: type)
  }

  private func require(bytes: Int, of size: Int, for count: Int) throws(DataProblem) {
    let (needed, overflow) = count.multipliedReportingOverflow(by: size)
    try require(bytes: bytes, for: count, expected: overflow ? nil : needed)
  }

  private func require(bytes: Int, for count: Int, expected: Int?) throws(DataProblem) {
    guard expected == bytes else {
      throw DataProblem("the shape \(dimensions) of \(type.name) does not fit \(bytes) bytes of data")
    }
  }

  private func floats(
    _ count: Int, _ found: Int, types: [Int], _ value: (Int) -> Float
  ) throws(DataProblem) -> Literal {
    guard types.contains(elementType) else {
      throw DataProblem("its numbers stand in a field that is not for \(type.name)")
    }
    try require(numbers: found, for: count)
    return Literal(name, Tensor(Shape(dimensions)) { target in for i in 0..<count { target[i] = value(i) } })
  }

  private func integers(_ count: Int, _ numbers: [Int]) throws(DataProblem) -> Literal {
    guard let range = type.range else {
      throw DataProblem("its numbers stand in a field that is not for \(type.name)")
    }
    try require(numbers: numbers.count, for: count)
    if let odd = numbers.first(where: { !range.contains($0) }) {
      throw DataProblem("the number \(odd) is no \(type.name)")
    }
    return Literal(name, Shape(dimensions), integers: numbers, type: type)
  }

  private func require(numbers found: Int, for count: Int) throws(DataProblem) {
    guard found == count else { throw DataProblem("the shape \(dimensions) does not fit \(found) numbers") }
  }

  private static func fitting(_ number: some FixedWidthInteger) throws(DataProblem) -> Int {
    guard let fitting = Int(exactly: number) else { throw DataProblem("the number \(number) is too large") }
    return fitting
  }
}

import Foundation
import Tensors

/// The files that the weights of one model stand in: the model itself, and those beside it.
struct ONNXFiles {
  let model: MappedFile
  private let path: String
  private let folder: String
  private var external: [String: MappedFile] = [:]

  init(_ model: MappedFile, path: String) {
    self.model = model
    self.path = path
    folder = (path as NSString).deletingLastPathComponent
  }

  /// The files beside the model that have been read, sorted.
  var externalPaths: [String] { external.keys.sorted().map { (folder as NSString).appendingPathComponent($0) } }

  /// How many bytes have been mapped.
  var size: Int { external.values.reduce(model.bytes.count) { $0 + $1.bytes.count } }

  /// Whether a file is in the model's folder once all links are followed, or in that of the file that the model itself
  /// is a link to: caches keep models and their data as links into one folder. What is not there is judged later.
  private func standsBeside(_ location: String) -> Bool {
    guard let found = Self.followed((folder as NSString).appendingPathComponent(location)) else { return true }
    let own = [Self.followed(folder.isEmpty ? "." : folder)] + [Self.followed(path).map(Self.folder)]
    return own.contains { folder in folder.map { found == $0 || found.hasPrefix($0 == "/" ? $0 : $0 + "/") } ?? false }
  }

  private static func folder(of path: String) -> String { (path as NSString).deletingLastPathComponent }

  private static func followed(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

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
      guard standsBeside(location) else {
        throw DataProblem("its data must stand beside the model, but '\(location)' leads to another folder")
      }
      do { external[location] = try MappedFile((folder as NSString).appendingPathComponent(location)) } catch {
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
  static let typeNames = [
    "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE",
    "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
    "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1", "FLOAT8E8M0", "UINT2", "INT2",
  ]

  static func typeName(_ type: Int) -> String { typeNames.indices.contains(type) ? typeNames[type] : "number \(type)" }

  /// Whether the element type is one of those that become `Float`.
  static func isFloat(_ type: Int) -> Bool { [1, 10, 11, 16].contains(type) }

  /// Whether the element type is one of those that become `Int`.
  static func isInteger(_ type: Int) -> Bool { (2...7).contains(type) || [9, 12, 13].contains(type) }

  /// The numbers. Complexity: O(count).
  func decoded(from files: inout ONNXFiles) throws(DataProblem) -> Literal {
    guard let count = Shape.checked(dimensions)?.count else {
      throw DataProblem("has the impossible shape \(dimensions)")
    }
    switch storage {
    case .raw(let offset, let length):
      let all = files.model.bytes
      guard offset <= all.count, length <= UInt64(all.count) - offset else {
        throw DataProblem("stands outside the file")
      }
      return try decoded(count, UnsafeRawBufferPointer(rebasing: all[Int(offset)..<Int(offset + length)]))
    case .external(let keys): return try decoded(count, try files.bytes(external: keys))
    case .floats(let numbers): return try floats(count, numbers.count, type: [1]) { numbers[$0] }
    case .doubles(let numbers): return try floats(count, numbers.count, type: [11]) { Float(numbers[$0]) }
    case .unsigned(let numbers): return try integers(count, try numbers.map(ONNXTensor.fitting))
    case .integers(let numbers):
      switch elementType {
      case 10:
        return try floats(count, numbers.count, type: [10]) {
          Float(Float16(bitPattern: UInt16(truncatingIfNeeded: numbers[$0])))
        }
      case 16:
        return try floats(count, numbers.count, type: [16]) {
          Float(bitPattern: UInt32(truncatingIfNeeded: numbers[$0]) << 16)
        }
      case 1, 11: return try floats(count, numbers.count, type: [1, 11]) { Float(numbers[$0]) }
      default: return try integers(count, numbers)
      }
    }
  }

  private func decoded(_ count: Int, _ bytes: UnsafeRawBufferPointer) throws(DataProblem) -> Literal {
    switch elementType {
    case 1: try floats(count, bytes) { (value: Float) in value }
    case 10: try floats(count, bytes) { (bits: UInt16) in Float(Float16(bitPattern: bits)) }
    case 11: try floats(count, bytes) { (value: Double) in Float(value) }
    case 16: try floats(count, bytes) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case 2, 9: try integers(count, bytes, UInt8.self)
    case 3: try integers(count, bytes, Int8.self)
    case 4: try integers(count, bytes, UInt16.self)
    case 5: try integers(count, bytes, Int16.self)
    case 6: try integers(count, bytes, Int32.self)
    case 7: try integers(count, bytes, Int64.self)
    case 12: try integers(count, bytes, UInt32.self)
    case 13: try integers(count, bytes, UInt64.self)
    default: throw unsupportedType
    }
  }

  private var unsupportedType: DataProblem {
    DataProblem("the element type \(ONNXTensor.typeName(elementType)) is not supported")
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
    _ count: Int, _ bytes: UnsafeRawBufferPointer, _ type: Stored.Type
  ) throws(DataProblem) -> Literal {
    let size = MemoryLayout<Stored>.size
    try require(bytes: bytes.count, of: size, for: count)
    var numbers: [Int] = []
    numbers.reserveCapacity(count)
    for i in 0..<count {
      numbers.append(try ONNXTensor.fitting(bytes.loadUnaligned(fromByteOffset: i * size, as: Stored.self)))
    }
    return Literal(name, Shape(dimensions), integers: numbers)
  }

  private func require(bytes: Int, of size: Int, for count: Int) throws(DataProblem) {
    let (needed, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, needed == bytes else {
      throw DataProblem(
        "the shape \(dimensions) of \(ONNXTensor.typeName(elementType)) does not fit \(bytes) bytes of data")
    }
  }

  private func floats(
    _ count: Int, _ found: Int, type: [Int], _ value: (Int) -> Float
  ) throws(DataProblem) -> Literal {
    guard type.contains(elementType) else { throw unsupportedType }
    try require(numbers: found, for: count)
    return Literal(name, Tensor(Shape(dimensions)) { target in for i in 0..<count { target[i] = value(i) } })
  }

  private func integers(_ count: Int, _ numbers: [Int]) throws(DataProblem) -> Literal {
    guard ONNXTensor.isInteger(elementType) else { throw unsupportedType }
    try require(numbers: numbers.count, for: count)
    return Literal(name, Shape(dimensions), integers: numbers)
  }

  private func require(numbers found: Int, for count: Int) throws(DataProblem) {
    guard found == count else { throw DataProblem("the shape \(dimensions) does not fit \(found) numbers") }
  }

  private static func fitting(_ number: some FixedWidthInteger) throws(DataProblem) -> Int {
    guard let fitting = Int(exactly: number) else { throw DataProblem("the number \(number) is too large") }
    return fitting
  }
}

import Tensors

/// One array of a `.npy` file, its elements still as they were stored.
package struct NumPyArray: Sendable {
  private let header: NumPyHeader
  private let file: [UInt8]
  /// The place for messages.
  let path: String

  package var dimensions: [Int] { header.dimensions }
  /// Whether the elements are unsigned bytes.
  package var isBytes: Bool { header.element == .uint8 }

  /// Takes the bytes of a `.npy` file apart.
  ///
  /// Throws where the header is wrong or there are fewer or more bytes than it says.
  init(_ file: [UInt8], path: String) throws(DatasetError) {
    header = try NumPyHeader(file, path: path)
    _ = try header.checkedCount(fileSize: file.count, path: path)
    self.file = file
    self.path = path
  }

  /// The elements in row-major order. Whole numbers beyond 2²⁴ and doubles are rounded to the nearest `Float`.
  package var floats: [Float] {
    switch header.element {
    case .bool: elements(UInt8.self) { $0 == 0 ? 0 : 1 }
    case .uint8: elements(UInt8.self) { Float($0) }
    case .uint16: elements(UInt16.self) { Float($0) }
    case .uint32: elements(UInt32.self) { Float($0) }
    case .uint64: elements(UInt64.self) { Float($0) }
    case .int8: elements(UInt8.self) { Float(Int8(bitPattern: $0)) }
    case .int16: elements(UInt16.self) { Float(Int16(bitPattern: $0)) }
    case .int32: elements(UInt32.self) { Float(Int32(bitPattern: $0)) }
    case .int64: elements(UInt64.self) { Float(Int64(bitPattern: $0)) }
    case .float16: elements(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .float32: elements(UInt32.self) { Float(bitPattern: $0) }
    case .float64: elements(UInt64.self) { Float(Double(bitPattern: $0)) }
    }
  }

  /// The elements in row-major order as they were stored. Nil where they are no unsigned bytes.
  package var bytes: [UInt8]? {
    guard isBytes else { return nil }
    return header.isFortran ? elements(UInt8.self) { $0 } : Array(file[header.start...])
  }

  /// The elements in row-major order as labels: whole numbers, also where they are stored as floats.
  package func labels() throws(DatasetError) -> [Int32] {
    let numbers: [Int32?] =
      switch header.element {
      case .bool, .uint8: elements(UInt8.self) { Int32($0) }
      case .uint16: elements(UInt16.self) { Int32($0) }
      case .uint32: elements(UInt32.self) { Int32(exactly: $0) }
      case .uint64: elements(UInt64.self) { Int32(exactly: $0) }
      case .int8: elements(UInt8.self) { Int32(Int8(bitPattern: $0)) }
      case .int16: elements(UInt16.self) { Int32(Int16(bitPattern: $0)) }
      case .int32: elements(UInt32.self) { Int32(bitPattern: $0) }
      case .int64: elements(UInt64.self) { Int32(exactly: Int64(bitPattern: $0)) }
      case .float16, .float32: floats.map { Int32(exactly: $0) }
      case .float64: elements(UInt64.self) { Int32(exactly: Double(bitPattern: $0)) }
      }
    var labels: [Int32] = []
    labels.reserveCapacity(numbers.count)
    for (index, number) in numbers.enumerated() {
      guard let number else {
        throw .labelNotInteger(path, index: index, value: "\(floats[index])")
      }
      labels.append(number)
    }
    return labels
  }

  /// Every element, made from the bits it is stored in, in row-major order.
  @inline(__always)
  private func elements<Bits: FixedWidthInteger, Result>(
    _ bits: Bits.Type, _ convert: (Bits) -> Result
  ) -> [Result] {
    let size = MemoryLayout<Bits>.size
    let isBigEndian = header.isBigEndian
    let count = (file.count - header.start) / size
    let stored = file.withUnsafeBytes { raw in
      (0..<count).map { index in
        let value = raw.loadUnaligned(fromByteOffset: header.start + index * size, as: bits)
        return convert(isBigEndian ? Bits(bigEndian: value) : Bits(littleEndian: value))
      }
    }
    return header.isFortran ? rowMajor(stored) : stored
  }

  /// From first axis fastest to last axis fastest.
  private func rowMajor<Element>(_ stored: [Element]) -> [Element] {
    let dimensions = header.dimensions
    guard dimensions.count > 1 && !stored.isEmpty else { return stored }
    var strides = [Int](repeating: 1, count: dimensions.count)
    for axis in 1..<dimensions.count { strides[axis] = strides[axis - 1] * dimensions[axis - 1] }
    var place = [Int](repeating: 0, count: dimensions.count)
    var source = 0
    return (0..<stored.count).map { _ in
      let element = stored[source]
      var axis = dimensions.count - 1
      while axis >= 0 {
        place[axis] += 1
        source += strides[axis]
        if place[axis] < dimensions[axis] { break }
        source -= strides[axis] * dimensions[axis]
        place[axis] = 0
        axis -= 1
      }
      return element
    }
  }
}

/// Float tensors from and to `.npy` files.
package enum NumPyFile {
  /// The array of a file as a tensor of its dimensions, row-major.
  ///
  /// Reads versions 1 to 3, both byte orders, C and Fortran order, and the types bool, u1 to u8, i1 to i8, f2, f4, f8.
  /// Throws where the file is not there, damaged, or of another type.
  package static func read(_ path: String) throws(DatasetError) -> Tensor {
    try tensor(FileBytes.read(path), path: path)
  }

  /// The tensor that the bytes of a `.npy` file hold.
  package static func tensor(_ file: [UInt8], path: String) throws(DatasetError) -> Tensor {
    let array = try NumPyArray(file, path: path)
    return Tensor(Shape(array.dimensions), scalars: array.floats)
  }

  /// Writes version 1.0, `<f4`, C order, beside the place and then moved there.
  package static func write(_ tensor: Tensor, to path: String) throws(DatasetError) {
    try FileBytes.write(encode(tensor), to: path)
  }

  /// The bytes that numpy's `save` writes for this tensor.
  package static func encode(_ tensor: Tensor) -> [UInt8] {
    let dimensions = tensor.shape.dimensions
    let list = dimensions.map(String.init).joined(separator: ", ") + (dimensions.count == 1 ? "," : "")
    var text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(list)), }"
    // Numpy leaves room for the first dimension to grow to 21 digits.
    if let first = dimensions.first { text += String(repeating: " ", count: 21 - String(first).count) }
    // Ten bytes before the text, a newline after: the elements begin at a multiple of 64.
    text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
    var bytes = NumPyHeader.magic + [1, 0, UInt8(text.utf8.count & 0xFF), UInt8(text.utf8.count >> 8)]
    bytes += text.utf8
    bytes.reserveCapacity(bytes.count + 4 * tensor.count)
    for scalar in tensor.scalars {
      withUnsafeBytes(of: scalar.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}

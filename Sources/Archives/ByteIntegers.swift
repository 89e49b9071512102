extension [UInt8] {
  /// An integer that starts at a byte, nil where it does not lie wholly inside.
  package func integer<T: FixedWidthInteger>(_ type: T.Type, at offset: Int, isBigEndian: Bool = false) -> T? {
    let size = MemoryLayout<T>.size
    guard offset >= 0, offset <= count - size else { return nil }
    let value = withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    return isBigEndian ? T(bigEndian: value) : T(littleEndian: value)
  }
}

import CHDF5

/// Attributes that hold text.
enum HDF5Attributes {
  private static let most = 10_000

  /// The attributes of an object that hold one string or a list of strings, of fixed or of variable length. Others are
  /// left out.
  ///
  /// `budget` is how many bytes of text may still be read of the file; more of it is an error.
  static func strings(
    of object: borrowing HDF5Handle, budget: inout Int
  ) throws(ImportError.Problem) -> [String: [String]] {
    var found: [String: [String]] = [:]
    for name in try names(of: object) {
      let attribute = try HDF5Handle(H5Aopen(object.id, name, hdf5_default_properties()), close: { H5Aclose($0) })
      let type = try HDF5Handle(H5Aget_type(attribute.id), close: { H5Tclose($0) })
      guard H5Tget_class(type.id) == H5T_STRING else { continue }
      let space = try HDF5Handle(H5Aget_space(attribute.id), close: { H5Sclose($0) })
      let count = Int(clamping: H5Sget_simple_extent_npoints(space.id))
      guard count >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
      guard count > 0 else { found[name] = []; continue }
      let isVariable = H5Tis_variable_str(type.id) > 0
      let size = isVariable ? MemoryLayout<UnsafePointer<CChar>>.size : Int(clamping: H5Tget_size(type.id))
      let (bytes, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, bytes <= budget else { throw .tooMany("bytes of text", limit: budget) }
      let texts = try isVariable ? variable(attribute, type, space, count) : fixed(attribute, type, count, size)
      budget -= max(bytes, texts.reduce(0) { $0 + $1.utf8.count })
      guard budget >= 0 else { throw .model("has more text in its attributes than can be read") }
      found[name] = texts
    }
    return found
  }

  private static func names(of object: borrowing HDF5Handle) throws(ImportError.Problem) -> [String] {
    var names: [String] = []
    let collect: H5A_operator2_t = { _, name, _, context in
      guard let name else { return 0 }
      let names = context!.assumingMemoryBound(to: [String].self)
      guard names.pointee.count < HDF5Attributes.most else { return -1 }
      names.pointee.append(String(cString: name))
      return 0
    }
    let id = object.id
    var place: hsize_t = 0
    let result = withUnsafeMutablePointer(to: &names) {
      H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, &place, collect, $0)
    }
    if names.count == most { throw .tooMany("attributes", limit: most) }
    guard result >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    return names
  }

  private static func variable(
    _ attribute: borrowing HDF5Handle, _ type: borrowing HDF5Handle, _ space: borrowing HDF5Handle, _ count: Int
  ) throws(ImportError.Problem) -> [String] {
    let memory = try HDF5Handle(H5Tcopy(hdf5_character()), close: { H5Tclose($0) })
    H5Tset_size(memory.id, hdf5_variable())
    H5Tset_cset(memory.id, H5Tget_cset(type.id))
    var texts = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    guard H5Aread(attribute.id, memory.id, &texts) >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    defer { H5Dvlen_reclaim(memory.id, space.id, hdf5_default_properties(), &texts) }
    return texts.map { $0.map { String(cString: $0) } ?? "" }
  }

  /// Up to the first zero, and without the spaces that some languages fill with.
  private static func fixed(
    _ attribute: borrowing HDF5Handle, _ type: borrowing HDF5Handle, _ count: Int, _ size: Int
  ) throws(ImportError.Problem) -> [String] {
    var bytes = [UInt8](repeating: 0, count: count * size)
    guard H5Aread(attribute.id, type.id, &bytes) >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    let isPaddedWithSpaces = H5Tget_strpad(type.id) == H5T_STR_SPACEPAD
    return (0..<count).map { index in
      var text = bytes[(index * size)..<((index + 1) * size)].prefix { $0 != 0 }
      while isPaddedWithSpaces, text.last == UInt8(ascii: " ") { text.removeLast() }
      return String(decoding: text, as: UTF8.self)
    }
  }
}

import CZlib

/// The files in a ZIP archive, stored or deflated: what `.npz` and `.keras` files are.
///
/// APPNOTE.TXT 6.3, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT. Reads the directory at the end, with
/// 64-bit sizes; no encryption, no parts. Nothing is ever written to a place that a name in it says.
package struct ZipArchive {
  /// A file in the archive, as the directory describes it.
  package struct Entry: Equatable, Sendable {
    package let name: String
    package let isEncrypted: Bool
    package let method: UInt16
    package let checksum: UInt32
    package let packedSize: Int
    package let size: Int
    package let offset: Int
  }

  package let entries: [Entry]
  private let file: [UInt8]
  private let path: String

  package init(_ file: [UInt8], path: String) throws(ArchiveError) {
    self.file = file
    self.path = path
    guard let end = ZipArchive.endOfDirectory(file) else {
      throw .damaged(path, "it has no directory at its end, as a ZIP archive has")
    }
    entries = try ZipArchive.directory(file, end: end, path: path)
  }

  /// The unpacked bytes of an entry.
  ///
  /// Throws where the entry does not lie inside the file, promises more than can be in it, or its sum is wrong.
  package func bytes(of entry: Entry) throws(ArchiveError) -> [UInt8] {
    let place = "\(path): \(entry.name)"
    guard !entry.isEncrypted else { throw .unsupported(place, "is encrypted; write the archive without a password") }
    let start = try dataStart(of: entry, place: place)
    guard entry.packedSize <= file.count - start else {
      throw .truncated(place, expected: start + entry.packedSize, found: file.count)
    }
    if let problem = Inflater.problem(unpackingTo: entry.size) { throw .unsupported(place, problem) }
    guard Inflater.couldHold(entry.size, packed: entry.packedSize) else {
      throw .damaged(place, "\(entry.packedSize) packed bytes are said to unpack to \(entry.size)")
    }
    let bytes = try unpack(entry, range: start..<(start + entry.packedSize), place: place)
    guard ZipArchive.checksum(bytes) == entry.checksum else { throw .damaged(place, "its checksum is wrong") }
    return bytes
  }

  private func unpack(_ entry: Entry, range: Range<Int>, place: String) throws(ArchiveError) -> [UInt8] {
    switch entry.method {
    case 0:
      guard entry.size == entry.packedSize else { throw .damaged(place, "two sizes for what is not packed") }
      return Array(file[range])
    case 8:
      var inflater = Inflater(file, range: range, wrapping: .none)
      do {
        let bytes = try inflater.read(entry.size)
        try inflater.finish()
        return bytes
      } catch Inflater.Failure.ends(let count) {
        throw .truncated(place, expected: entry.size, found: count)
      } catch {
        throw .damaged(place, "\(error)")
      }
    default:
      throw .unsupported(place, "is packed by method \(entry.method); only what is stored or deflated is read")
    }
  }

  /// Where an entry's bytes begin, behind its own header.
  private func dataStart(of entry: Entry, place: String) throws(ArchiveError) -> Int {
    guard file.integer(UInt32.self, at: entry.offset) == 0x0403_4B50,
      let name = file.integer(UInt16.self, at: entry.offset + 26),
      let extra = file.integer(UInt16.self, at: entry.offset + 28)
    else { throw .damaged(place, "there is no file where the directory says so") }
    let start = entry.offset + 30 + Int(name) + Int(extra)
    guard start <= file.count else { throw .truncated(place, expected: start, found: file.count) }
    return start
  }

  package static func checksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
  }

  /// Where the record stands that ends the archive: a comment of up to 65,535 bytes may follow it.
  private static func endOfDirectory(_ file: [UInt8]) -> Int? {
    guard file.count >= 22 else { return nil }
    return (max(0, file.count - 22 - 65_535)...(file.count - 22)).last { offset in
      file.integer(UInt32.self, at: offset) == 0x0605_4B50
        && file.integer(UInt16.self, at: offset + 20).map { offset + 22 + Int($0) == file.count } == true
    }
  }

  private static func directory(_ file: [UInt8], end: Int, path: String) throws(ArchiveError) -> [Entry] {
    var count = file.integer(UInt16.self, at: end + 10).map { UInt64($0) } ?? 0
    var offset = file.integer(UInt32.self, at: end + 16).map { UInt64($0) } ?? 0
    if count == 0xFFFF || offset == 0xFFFF_FFFF {
      // Too large for this record: another one, which a locator before it finds, has eight bytes for each.
      guard file.integer(UInt32.self, at: end - 20) == 0x0706_4B50,
        let record = file.integer(UInt64.self, at: end - 12).flatMap({ Int(exactly: $0) }), record < file.count,
        file.integer(UInt32.self, at: record) == 0x0606_4B50,
        let largeCount = file.integer(UInt64.self, at: record + 32),
        let largeOffset = file.integer(UInt64.self, at: record + 48)
      else { throw .damaged(path, "its 64-bit directory is not where it should be") }
      (count, offset) = (largeCount, largeOffset)
    }
    guard var place = Int(exactly: offset), place <= end, count <= UInt64(end) / 46 else {
      throw .damaged(path, "its directory does not lie inside it")
    }
    var entries: [Entry] = []
    for _ in 0..<count {
      guard let (entry, next) = entry(file, at: place) else {
        throw .damaged(path, "entry \(entries.count + 1) of its directory is not one")
      }
      entries.append(entry)
      place = next
    }
    return entries
  }

  private static func entry(_ file: [UInt8], at place: Int) -> (Entry, next: Int)? {
    func short(_ offset: Int) -> Int { Int(file.integer(UInt16.self, at: place + offset) ?? 0) }
    func long(_ offset: Int) -> UInt64 { UInt64(file.integer(UInt32.self, at: place + offset) ?? 0) }
    guard place <= file.count - 46, long(0) == 0x0201_4B50 else { return nil }
    let (nameEnd, extraEnd) = (place + 46 + short(28), place + 46 + short(28) + short(30))
    let next = extraEnd + short(32)
    guard next <= file.count else { return nil }
    var sizes = [long(24), long(20), long(42)]
    let isLarge = sizes.map { $0 == 0xFFFF_FFFF }
    if isLarge.contains(true) {
      guard var field = largeSizes(file, in: nameEnd..<extraEnd) else { return nil }
      for (i, isLarge) in isLarge.enumerated() where isLarge {
        guard let value = field.first.flatMap({ file.integer(UInt64.self, at: $0) }) else { return nil }
        sizes[i] = value
        field = field.dropFirst(8)
      }
    }
    // A file of less than 2⁶² bytes is where these must lie.
    guard sizes.allSatisfy({ $0 < 1 << 62 }) else { return nil }
    let name = String(decoding: file[(place + 46)..<nameEnd], as: UTF8.self)
    let entry = Entry(
      name: name, isEncrypted: short(8) & 1 == 1, method: UInt16(short(10)), checksum: UInt32(long(16)),
      packedSize: Int(sizes[1]), size: Int(sizes[0]), offset: Int(sizes[2]))
    return (entry, next)
  }

  /// Where the 64-bit sizes of an entry stand among its extra fields.
  private static func largeSizes(_ file: [UInt8], in range: Range<Int>) -> Range<Int>? {
    var place = range.lowerBound
    while place + 4 <= range.upperBound {
      let kind = file.integer(UInt16.self, at: place)
      let end = place + 4 + Int(file.integer(UInt16.self, at: place + 2) ?? 0)
      guard end <= range.upperBound else { return nil }
      if kind == 1 { return (place + 4)..<end }
      place = end
    }
    return nil
  }
}

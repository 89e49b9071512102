import Archives
@testable import Datasets
import Foundation
import Tensors
import Testing

struct HostileFileTests {
  func decoding(_ file: [UInt8]) -> DatasetError? {
    failure { () throws(DatasetError) in try IDXFile.decode(file, path: "a") }
  }

  func unpacking(_ file: [UInt8]) -> DatasetError? {
    failure { () throws(DatasetError) in
      try NumPyReader.dataset(of: NumPyReader.archive(file, path: "a"), path: "a", split: .train)
    }
  }

  /// Packs as gzip's command does.
  func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let path = try folder.write("a", bytes)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-9n", path]
    try process.run()
    process.waitUntilExit()
    return try FileBytes.read(path + ".gz")
  }

  @Test func idxHeaders() {
    #expect(decoding([]) != nil)
    #expect("\(decoding([1, 2, 3, 4])!)" == "a: is no IDX file: it does not begin with 00 00")
    #expect("\(decoding(idxHeader([1], type: 0x0D) + [0])!)".contains("elements of type 13"))
    #expect("\(decoding([0, 0, 8, 0])!)".contains("0 dimensions"))
    #expect("\(decoding([0, 0, 8, 255])!)".contains("255 dimensions"))
    #expect(decoding([0, 0, 8, 3, 0, 0]) == .truncated("a", expected: 16, found: 6))
    #expect(decoding(idxHeader([4]) + [1, 2, 3]) == .truncated("a", expected: 12, found: 11))
    #expect(decoding(idxHeader([2]) + [1, 2, 3]) == .tooLong("a", expected: 10, found: 11))
    let huge = [UInt32](repeating: .max, count: 4)
    #expect(decoding(idxHeader(huge)) == .tooLarge("a", dimensions: huge.map { Int($0) }))
    guard case .truncated = decoding(idxHeader([.max, 1 << 20])) else { return #expect(Bool(false)) }
  }

  @Test func packedIDX() throws {
    let plain = idxHeader([100, 10, 10]) + randomBytes(10_000, seed: 1)
    let packed = try gzip(plain)
    #expect(try IDXFile.decode(packed, path: "a").bytes == Array(plain[16...]))
    // Two members, one after another, are one stream.
    let two = try gzip(Array(plain[..<500])) + gzip(Array(plain[500...]))
    #expect(try IDXFile.decode(two, path: "a").bytes == Array(plain[16...]))
    #expect("\(decoding(Array(packed.dropLast(100)))!)".contains("is damaged: it unpacks to no more than"))
    #expect("\(decoding(Array(packed.dropLast(2)))!)".contains("is damaged"))
    var wrong = packed
    wrong[packed.count - 6] ^= 1
    #expect("\(decoding(wrong)!)".contains("incorrect data check"))
    #expect("\(try decoding(gzip(plain + [0]))!)".contains("more is packed in it"))
    // A header that speaks of terabytes is refused before any memory is asked for.
    guard case .damaged = try decoding(gzip(idxHeader([1_000_000, 1000, 1000]))) else { return #expect(Bool(false)) }
    // A megabyte of zeros packs to a thousand bytes, and is stopped at the two bytes that were promised.
    #expect("\(try decoding(gzip(idxHeader([2]) + [UInt8](repeating: 0, count: 1 << 20)))!)".contains("more is packed"))
  }

  /// Where a number of the archive's only or first directory entry stands.
  func directory(_ file: [UInt8]) -> Int {
    Int(file.integer(UInt32.self, at: file.count - 22 + 16)!)
  }

  @Test(arguments: ["stored.npz", "deflated.npz"])
  func archives(_ name: String) throws {
    let file = try Fixtures.bytes(name)
    #expect(unpacking(file) == nil)
    func changed(_ offset: Int, _ bytes: [UInt8]) -> DatasetError? {
      var copy = file
      copy.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
      return unpacking(copy)
    }
    let entry = directory(file)
    #expect("\(unpacking([])!)".contains("no directory at its end"))
    #expect("\(changed(file.count - 6, [255, 255, 255, 127])!)".contains("does not lie inside"))
    #expect("\(changed(file.count - 6, [255, 255, 255, 255])!)".contains("64-bit directory"))
    #expect("\(changed(file.count - 12, [9, 0])!)".contains("entry 5 of its directory"))
    #expect("\(changed(entry + 8, [1])!)".contains("is encrypted"))
    #expect("\(changed(entry + 10, [12])!)".contains("packed by method 12"))
    #expect("\(changed(entry + 16, [1, 2, 3, 4])!)".contains("checksum is wrong"))
    #expect("\(changed(entry + 20, [255, 255, 255, 127])!)".contains("is cut off"))
    #expect(changed(entry + 24, [255, 255, 255, 127]) != nil)
    #expect(changed(entry + 24, [0, 0, 0, 0]) != nil)
    #expect("\(changed(entry + 24, [255, 255, 255, 255])!)".contains("entry 1 of its directory"))
    #expect("\(changed(entry + 42, [255, 255, 255, 127])!)".contains("there is no file where"))
    #expect("\(changed(entry + 28, [255, 255])!)".contains("entry 1 of its directory"))
  }

  /// What would fill the memory is refused by its size alone.
  @Test func floods() {
    #expect(Inflater.problem(unpackingTo: Inflater.largest) == nil)
    let words = "unpacks to \(Int.max) bytes, more than the \(Inflater.largest) that are unpacked here at most"
    #expect(Inflater.problem(unpackingTo: .max) == words)
  }

  @Test func largeArchives() throws {
    var file = try Fixtures.bytes("large.npz")
    // As the record at the end is where its fields are too short: the one before it, of 64 bits, is then meant.
    file.replaceSubrange((file.count - 14)..<(file.count - 2), with: [UInt8](repeating: 0xFF, count: 12))
    #expect(unpacking(file) == nil)
    #expect(try ZipArchive(file, path: "a").entries == ZipArchive(Fixtures.bytes("large.npz"), path: "a").entries)
    let locator = file.count - 22 - 20
    for place in [locator, locator + 8, locator + 15, file.count - 22 - 20 - 56] {
      var copy = file
      copy[place] ^= 0x40
      #expect("\(unpacking(copy)!)".contains("64-bit directory"))
    }
    for offset in 24..<56 {
      var copy = file
      copy[locator - 56 + offset] = 0xFF
      _ = unpacking(copy)
    }
  }

  @Test func archivesWithoutImages() throws {
    var file = try Fixtures.bytes("pair.npz")
    let name = directory(file) + 46
    file[name] = UInt8(ascii: "q")
    let error = try #require(unpacking(file))
    #expect("\(error)".contains("it has labels, qmages"))
    #expect("\(error)".contains("has no array of the name x_train, X_train, train_images"))
  }

  /// Bytes flipped, removed, doubled or overwritten at random: an error or a dataset, never a trap.
  @Test(arguments: [
    "f4_little.npy", "f8_big_fortran.npy", "f4_version2.npy", "stored.npz", "deflated.npz", "large.npz",
    "idx/train-images-idx3-ubyte.gz", "idx/t10k-images-idx3-ubyte",
  ])
  func mutationsNeverTrap(_ name: String) throws {
    let file = try Fixtures.bytes(name)
    var generator = SplitMix64(seed: 1, stream: UInt64(file.count))
    var refused = 0
    for _ in 0..<600 {
      var copy = file
      for _ in 0...generator.below(3) where !copy.isEmpty {
        let place = generator.below(copy.count)
        switch generator.below(5) {
        case 0: copy[place] ^= 1 << UInt8(generator.below(8))
        case 1: copy[place] = [0, 1, 0x7F, 0x80, 0xFF][generator.below(5)]
        case 2: copy.removeLast(generator.below(copy.count) / 4)
        case 3: for i in place..<min(place + 4, copy.count) { copy[i] = 0xFF }
        default: copy.insert(contentsOf: copy[place..<min(place + 8, copy.count)], at: place)
        }
      }
      refused += try (read(copy, as: name) == nil ? 0 : 1)
    }
    #expect(refused > 100)
  }

  func read(_ file: [UInt8], as name: String) throws -> DatasetError? {
    if name.hasSuffix(".npz") { return unpacking(file) }
    if name.hasSuffix(".npy") { return failure { () throws(DatasetError) in try NumPyFile.tensor(file, path: "a") } }
    return decoding(file)
  }
}

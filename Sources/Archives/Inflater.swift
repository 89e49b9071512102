import CZlib
import Foundation

/// Unpacks a deflate stream piece by piece, never more than it is asked for.
package struct Inflater: ~Copyable {
  /// What stands around the packed bytes.
  package enum Wrapping {
    case gzip
    /// As in a ZIP file: nothing.
    case none
  }

  package enum Failure: Error, Equatable {
    /// The packed bytes end, or the stream does, before what was asked for is there.
    case ends(after: Int)
    case damaged(String)
  }

  /// What may be unpacked at once: 8 GiB, or half of this machine's memory where that is less.
  package static let largest = min(8 << 30, Int(clamping: ProcessInfo.processInfo.physicalMemory / 2))

  /// Deflate makes at most 1,032 bytes of one: whoever promises more lies.
  package static func couldHold(_ count: Int, packed: Int) -> Bool { count / 1032 <= packed }

  /// Why so many bytes are not unpacked into memory; nil where they are.
  package static func problem(unpackingTo count: Int) -> String? {
    count > largest ? "unpacks to \(count) bytes, more than the \(largest) that are unpacked here at most" : nil
  }

  private let input: [UInt8]
  private let end: Int
  private var position: Int
  private var total = 0
  private var isFinished = false
  // On the heap, since zlib remembers where it lies.
  private let stream: UnsafeMutablePointer<z_stream>

  /// - Precondition: the range lies in the input.
  package init(_ input: [UInt8], range: Range<Int>, wrapping: Wrapping) {
    precondition(range.lowerBound >= 0 && range.upperBound <= input.count)
    self.input = input
    position = range.lowerBound
    end = range.upperBound
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let bits: Int32 = wrapping == .gzip ? 15 + 16 : -15
    let status = inflateInit2_(stream, bits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "zlib does not start: \(status)")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The next `count` unpacked bytes.
  package mutating func read(_ count: Int) throws(Failure) -> [UInt8] {
    var failure: Failure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { target, filled in
      failure = fill(target, &filled, wanted: count)
    }
    if let failure { throw failure }
    return bytes
  }

  /// Makes sure that nothing follows, which also checks the sum at the end of a gzip stream.
  package mutating func finish() throws(Failure) {
    var spare: UInt8 = 0
    var filled = 0
    let failure = withUnsafeMutableBytes(of: &spare) { target in
      fill(target.assumingMemoryBound(to: UInt8.self), &filled, wanted: 1)
    }
    guard filled == 0 else { throw .damaged("more is packed in it than its header says") }
    if case .damaged = failure { throw failure! }
    guard isFinished else { throw .ends(after: total) }
  }

  private mutating func fill(
    _ target: UnsafeMutableBufferPointer<UInt8>, _ filled: inout Int, wanted: Int
  ) -> Failure? {
    defer { total += filled }
    while filled < wanted && !isFinished {
      let given = min(end - position, 1 << 30)
      let room = min(wanted - filled, 1 << 30)
      stream.pointee.avail_in = UInt32(given)
      stream.pointee.avail_out = UInt32(room)
      stream.pointee.next_out = target.baseAddress! + filled
      let status = input.withUnsafeBufferPointer { input in
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress.map { $0 + position })
        return inflate(stream, Z_NO_FLUSH)
      }
      position += given - Int(stream.pointee.avail_in)
      filled += room - Int(stream.pointee.avail_out)
      if let failure = judge(status, isOutOfInput: position == end && filled < wanted, after: total + filled) {
        return failure
      }
    }
    return filled < wanted ? .ends(after: total + filled) : nil
  }

  private mutating func judge(_ status: Int32, isOutOfInput: Bool, after count: Int) -> Failure? {
    switch status {
    case Z_STREAM_END:
      // A gzip file may be several, one after another.
      let isAnother = position + 1 < end && input[position] == 0x1F && input[position + 1] == 0x8B
      if isAnother && inflateReset(stream) == Z_OK { return nil }
      isFinished = true
      return nil
    case Z_OK: return isOutOfInput && stream.pointee.avail_out > 0 ? .ends(after: count) : nil
    case Z_BUF_ERROR: return .ends(after: count)
    default: return .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)")
    }
  }
}

/// Sixty-four-byte aligned memory of a fixed size, freed with its owner.
///
/// Whoever makes it writes it before anyone else sees it; from then on it is only read, or it belongs to one thread.
package final class AlignedMemory<Element: BitwiseCopyable>: @unchecked Sendable {
  package let buffer: UnsafeMutableBufferPointer<Element>

  /// Memory filled with one value.
  package init(count: Int, repeating value: Element) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    buffer = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Element.self, capacity: max(count, 1)), count: count)
    buffer.initialize(repeating: value)
  }

  convenience init(_ elements: [Element], fallback: Element) {
    self.init(count: elements.count, repeating: fallback)
    _ = buffer.update(fromContentsOf: elements)
  }

  package var start: UnsafePointer<Element>? { buffer.baseAddress.map { UnsafePointer($0) } }

  deinit { UnsafeMutableRawPointer(buffer.baseAddress)?.deallocate() }
}

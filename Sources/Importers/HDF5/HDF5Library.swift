import CHDF5
import Foundation

/// The HDF5 library that is linked.
package enum HDF5Library {
  /// Such as "1.10.8".
  package static var version: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    _ = H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// The library is not made for several threads: everything that calls it holds this.
  static let lock = NSRecursiveLock()

  /// Keeps the library from printing; what went wrong is read from its stack instead. Holds for the calling thread.
  static func silenceErrors() { _ = H5Eset_auto2(hdf5_default_errors(), nil, nil) }

  /// What the last call that failed says about it: the whole first, then the part.
  static func lastError() -> String {
    var words: [String] = []
    let collect: H5E_walk2_t = { _, entry, context in
      if let text = entry?.pointee.desc {
        context!.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
      }
      return 0
    }
    _ = withUnsafeMutablePointer(to: &words) { H5Ewalk2(hdf5_default_errors(), H5E_WALK_DOWNWARD, collect, $0) }
    guard let whole = words.first, let part = words.last else { return "unknown error" }
    return whole == part ? whole : "\(whole): \(part)"
  }
}

/// Something of the HDF5 library that is open, and is closed when its owner goes.
struct HDF5Handle: ~Copyable {
  let id: hid_t
  private let close: @Sendable (hid_t) -> herr_t

  init(_ id: hid_t, close: @escaping @Sendable (hid_t) -> herr_t) throws(ImportError.Problem) {
    guard id >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    self.id = id
    self.close = close
  }

  deinit {
    HDF5Library.lock.lock()
    defer { HDF5Library.lock.unlock() }
    _ = close(id)
  }
}

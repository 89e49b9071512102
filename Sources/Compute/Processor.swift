import CCompute
import COneDNN

/// The threads and libraries that float computation runs on.
package enum Processor {
  /// How many threads a loop may use.
  package static var threadCount: Int {
    get { Int(cc_thread_count()) }
    set { cc_set_thread_count(Int32(newValue)) }
  }

  /// Keeps freed memory for the next training step. Call once, when the process starts.
  package static func keepMemory() { cc_keep_memory() }

  package static var oneDNNVersion: String {
    var version: [Int32] = [0, 0, 0]
    od_onednn_version(&version)
    return version.map(String.init).joined(separator: ".")
  }
}

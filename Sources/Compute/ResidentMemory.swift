import CCompute
import Foundation

/// The memory of this process that the system has given pages to.
package enum ResidentMemory {
  /// Gives freed memory back and forgets the peak so far. False where the system does not let the peak be forgotten: it
  /// is then that of the whole process.
  @discardableResult
  package static func resetPeak() -> Bool {
    cc_release_memory()
    // 5 forgets the high-water mark: proc(5), /proc/pid/clear_refs.
    guard let file = fopen("/proc/self/clear_refs", "w") else { return false }
    defer { fclose(file) }
    return fputs("5", file) >= 0 && fflush(file) == 0
  }

  /// The most bytes that were resident at once since the last reset.
  package static var peak: Int {
    if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) {
      for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
        if let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) {
          return kilobytes * 1024
        }
      }
    }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}

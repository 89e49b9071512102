import CCompute
import COneDNN
import Foundation

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

  /// The processor time that this process has used, all threads together.
  package static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// How many float multiply-adds the threads can do in a second, measured with chains that wait for no memory: the
  /// most that any kernel can reach. Takes about 0.2 s.
  ///
  /// Counted in processor time, so that other work on the machine does not lower it.
  package static func measurePeak() -> Double {
    let rounds: Int64 = 200_000
    var rates: [Double] = []
    let end = ContinuousClock.now + .milliseconds(200)
    repeat {
      let start = seconds
      let count = cc_run_multiply_adds(rounds)
      rates.append(Double(count) / (seconds - start) * Double(threadCount))
    } while ContinuousClock.now < end
    // The system does not always count the time of other threads at once, so the fastest may be too good to be true.
    return rates.sorted()[rates.count / 2]
  }
}

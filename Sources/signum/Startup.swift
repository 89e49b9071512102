import Compute
import Foundation

/// What must hold of this process before anything is computed.
enum Startup {
  private static let waitPolicy = "OMP_WAIT_POLICY"

  /// Starts the program again, once, with the environment that the OpenMP pool reads when it is loaded.
  ///
  /// Threads of the pool that wait actively take the processor from everything else; setting the variable in the running
  /// process is too late. Memory that a training step frees is kept for the next one.
  static func prepare() {
    if ProcessInfo.processInfo.environment[waitPolicy] == nil {
      setenv(waitPolicy, "passive", 1)
      var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
      // Where this fails the program goes on as it is: slower beside other work, and right.
      execv("/proc/self/exe", &arguments)
    }
    Processor.keepMemory()
  }
}

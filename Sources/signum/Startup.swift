import Compute
import Dispatch
import Foundation
import Pipeline

/// What must hold of this process before anything is computed.
enum Startup {
  private static let waitPolicy = "OMP_WAIT_POLICY"

  /// Starts the program again, once, with the environment that the OpenMP pool reads when it is loaded, where there is
  /// something to compute.
  ///
  /// Threads of the pool that wait actively take the processor from everything else; setting the variable in the
  /// running process is too late, and so it is for the tunables of the C library. Memory that a training step frees is
  /// kept for the next one.
  static func prepare(computing: Bool) {
    if computing, ProcessInfo.processInfo.environment[waitPolicy] == nil {
      setenv(waitPolicy, "passive", 1)
      // They look about for some microseconds before they sleep, for the next loop of a step comes that soon.
      setenv("GOMP_SPINCOUNT", "1000", 0)
      // Pages of 2 MiB for what is allocated: a training step walks through hundreds of megabytes again and again.
      setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 0)
      var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
      // Where this fails the program goes on as it is: slower beside other work, and right.
      execv("/proc/self/exe", &arguments)
    }
    Processor.keepMemory()
    for signal in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(signal) { cleanUp(after: signal) }
    // A file that may not grow is an error of the write, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Whether whoever started the program wants it to outlive a signal, as nohup does.
  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Lets training save its state; otherwise removes unfinished files before a signal ends the process as it would have
  /// ended it anyway.
  private static func cleanUp(after number: Int32) {
    // Whoever started the program may have done so from a thread that blocks signals; the block is handed down.
    unblock(number)
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      switch Interruption.request(number) {
      case .saving:
        let line = Console.isTerminal ? "\n" : ""
        return Console.write(line + "saving the state after this step; a second signal ends at once\n")
      case .alreadySaving: return
      case .ended: break
      }
      Output.removeUnfinished()
      let end = Console.isTerminal ? "\n" : ""
      Console.write(end + "interrupted" + (Interruption.parting.map { "; \($0)" } ?? "") + "\n")
      signal(number, SIG_DFL)
      unblock(number)
      kill(getpid(), number)
    }
    source.resume()
    sources.append(source)
  }

  private static func unblock(_ number: Int32) {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, number)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []
}

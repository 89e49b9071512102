import Foundation
import Synchronization

/// This program, started once more with other arguments.
///
/// It has a process group of its own, so that Ctrl-C on a terminal reaches it once, through whoever started it, and the
/// signals that the program handles as they were when nobody had changed them.
final class ChildProcess: Sendable {
  enum End: Hashable, Sendable {
    case exit(Int32)
    case signal(Int32)
  }

  private let identifier: pid_t
  /// Whether it has been waited for: its number may then be another process's.
  private let isGone = Mutex(false)

  /// Starts a program. Throws `InputError` where it cannot be started.
  ///
  /// - Parameters:
  ///   - input: an open file that becomes its standard input.
  ///   - output: an open file that becomes its standard output and standard error.
  init(_ program: String, _ arguments: [String], environment: [String: String], input: Int32, output: Int32) throws {
    var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (source, target) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (output, STDERR_FILENO)] {
      posix_spawn_file_actions_adddup2(&actions, source, target)
    }
    // Whoever waits for this process by a file that it has open must not wait for its conversions.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      if let file = Int32(name), file > STDERR_FILENO { posix_spawn_file_actions_addclose(&actions, file) }
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var settings = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var identifier: pid_t = 0
    let status = posix_spawn(&identifier, program, &actions, &attributes, &words, &settings)
    guard status == 0 else {
      throw InputError(["\(program): cannot be started: \(String(cString: strerror(status)))"])
    }
    self.identifier = identifier
  }

  /// Waits for its end. To be asked for once.
  func wait() -> End {
    // Its number stays its own until it is fetched, which happens under the lock that `ask` takes.
    var information = siginfo_t()
    while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    return isGone.withLock { isGone in
      var status: Int32 = 0
      while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
      isGone = true
      let signal = status & 0x7f
      return signal == 0 ? .exit(status >> 8 & 0xff) : .signal(signal)
    }
  }

  /// Sends it a signal, unless it has ended.
  func ask(_ signal: Int32) {
    isGone.withLock { isGone in if !isGone { _ = kill(identifier, signal) } }
  }
}

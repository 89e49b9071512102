import ArgumentParser
import Foundation
import Pipeline

@main
struct SignumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signum",
    abstract: """
      Turns pretrained float networks into networks of bits, and proves that the bits \
      compute what was trained.
      """,
    discussion: """
      The shortest way:

        signum convert net.onnx --method xnor --data mnist/ -o net.signum
        signum evaluate net.signum --data mnist/

      Results go to standard output, everything else to standard error.
      Exit codes: 0 done, 1 the input cannot be used, 2 verification failed, 64 wrong \
      usage, 130 and 143 interrupted by SIGINT and SIGTERM.
      """,
    version: Signum.version,
    subcommands: [
      InspectCommand.self, ConvertCommand.self, ExportCommand.self, VerifyCommand.self, EvaluateCommand.self,
      RunCommand.self, ListCommand.self, ZooCommand.self, ReportCommand.self, DoctorCommand.self, BenchmarkCommand.self,
      HDF5ContentsCommand.self, HDF5ArrayCommand.self, HDF5ServeCommand.self,
    ])

  static func main() {
    // A file that gets the number of a closed descriptor would have the messages written into it.
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 { _ = open("/dev/null", O_RDWR) }
    defer { Console.finish() }
    // Whoever reads the messages may be gone, as after the end of a terminal.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      Startup.prepare(computing: !(command is any ComputesNothing))
      try command.run()
    } catch let failure as VerificationFailed {
      Console.error("\(failure)")
      Foundation.exit(2)
    } catch let interrupted as Interrupted {
      Console.error("\(interrupted)")
      Foundation.exit(128 + interrupted.signal)
    } catch let error where isAboutUsage(error) {
      guard exitCode(for: error) != .success else { exit(withError: error) }
      let spelling = Spelling(Array(CommandLine.arguments.dropFirst()))
      guard spelling.problems.isEmpty else {
        Console.write(spelling.problems.map { "error: \($0)\n" }.joined() + spelling.usage + "\n")
        Foundation.exit(exitCode(for: error).rawValue)
      }
      let message = fullMessage(for: error)
      Console.write("error: \(message.hasPrefix("Error: ") ? String(message.dropFirst(7)) : message)\n")
      Foundation.exit(exitCode(for: error).rawValue)
    } catch {
      Console.error("\(error)")
      Foundation.exit(1)
    }
  }

  /// Whether the argument parser should say it: help, version, wrong arguments. Its exit code for the latter is 64.
  private static func isAboutUsage(_ error: any Error) -> Bool {
    exitCode(for: error) != .failure || error is ValidationError || error is CleanExit
  }
}

/// A command that shows what is there and computes nothing: it need not wait for the threads of the others.
protocol ComputesNothing: ParsableCommand {}

/// The bits do not compute what the graph computes.
struct VerificationFailed: Error, CustomStringConvertible {
  var description: String
}

import ArgumentParser
import Foundation
import Importers
import Pipeline

/// Reads an HDF5 file in a process of its own: the library can crash or hang on damaged files, and must not take the
/// command with it.
struct HDF5ContentsCommand: ComputesNothing {
  static let configuration = CommandConfiguration(
    commandName: "hdf5-contents", abstract: "List an HDF5 file as JSON.", shouldDisplay: false)

  struct Contents: Codable {
    var file: String
    var objects: [HDF5Object]
  }

  @Argument var file: String

  func run() throws {
    ChildLimits.limit(seconds: 20)
    try Console.printJSON(Contents(file: file, objects: HDF5File.contents(file)))
  }
}

/// Writes an array of an HDF5 file to standard output as a `.npy` file.
struct HDF5ArrayCommand: ComputesNothing {
  static let configuration = CommandConfiguration(
    commandName: "hdf5-array", abstract: "Write an array of an HDF5 file as .npy.", shouldDisplay: false)

  @Argument var file: String
  @Argument var array: String

  func run() throws {
    ChildLimits.limit(seconds: 600)
    try HDF5File.writeArray(array, of: file) { part in
      do { try FileHandle.standardOutput.write(contentsOf: part) } catch {
        throw InputError(["standard output: cannot be written: \(error.localizedDescription)"])
      }
    }
  }
}

/// Reads an HDF5 file for a parent that asks for one array after the other.
struct HDF5ServeCommand: ComputesNothing {
  static let configuration = CommandConfiguration(
    commandName: "hdf5-serve", abstract: "Read an HDF5 file for another process.", shouldDisplay: false)

  @Option(help: "The name of the file in the ZIP archive.") var member: String?
  @Argument var file: String

  func run() throws {
    ChildLimits.limitMemory()
    let place = HDF5Place(file, member: member)
    try HDF5Service.serve(place, requests: .standardInput, willTake: ChildLimits.limitTime) { part in
      // A parent that has gone has its reasons.
      do { try FileHandle.standardOutput.write(contentsOf: part) } catch { Foundation.exit(0) }
    }
  }
}

/// What a process may take that reads a file of a stranger.
enum ChildLimits {
  /// Ends this process where the library goes round in circles, or asks for all memory.
  static func limit(seconds: UInt) {
    var seconds = rlimit(rlim_cur: seconds, rlim_max: seconds)
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &seconds)
    limitMemory()
  }

  /// Ends this process after so many seconds of processor time more.
  static func limitTime(seconds: Int) {
    // Whoever started it may have done so from a thread that blocks signals, as those of Dispatch do; the block is
    // handed down, and the signal of this limit would wait behind it.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGXCPU)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    var (usage, limit) = (rusage(), rlimit())
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    getrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
    limit.rlim_cur = min(UInt(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + seconds + 1), limit.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
  }

  /// To four gigabytes, or to what whoever started it allows.
  static func limitMemory() {
    var memory = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
    memory.rlim_max = min(memory.rlim_max, 4 << 30)
    memory.rlim_cur = min(memory.rlim_cur, memory.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
  }
}

/// What `signum inspect` shows of an HDF5 file: a child lists it.
enum HDF5Listing {
  static func canShow(_ file: String) -> Bool {
    ["h5", "hdf5"].contains((file as NSString).pathExtension.lowercased())
  }

  static func show(_ file: String, json: Bool) throws {
    let child = Foundation.Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["hdf5-contents", "--", file]
    child.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    child.standardOutput = output
    child.standardError = errors
    try child.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let message = errors.fileHandleForReading.readDataToEndOfFile()
    child.waitUntilExit()
    guard child.terminationReason == .exit else {
      throw InputError(["\(file): is damaged: the HDF5 library could not read it (signal \(child.terminationStatus))"])
    }
    guard child.terminationStatus == 0 else {
      let lines = String(decoding: message, as: UTF8.self).split(separator: "\n")
      throw InputError(lines.map { $0.hasPrefix("error: ") ? String($0.dropFirst(7)) : String($0) })
    }
    if json {
      FileHandle.standardOutput.write(data)
    } else {
      for object in try JSONDecoder().decode(HDF5ContentsCommand.Contents.self, from: data).objects {
        print("\(object)")
      }
    }
  }
}

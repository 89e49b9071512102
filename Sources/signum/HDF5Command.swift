import ArgumentParser
import Foundation
import Importers
import Pipeline

/// Reads an HDF5 file in a process of its own: the library can crash or hang on damaged files, and must not take the
/// command with it.
struct HDF5ContentsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hdf5-contents", abstract: "List an HDF5 file as JSON.", shouldDisplay: false)

  struct Contents: Codable {
    var file: String
    var objects: [HDF5Object]
  }

  @Argument var file: String

  func run() throws {
    var seconds = rlimit(rlim_cur: 20, rlim_max: 20)
    var memory = rlimit(rlim_cur: 4 << 30, rlim_max: 4 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &seconds)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &memory)
    try Console.printJSON(Contents(file: file, objects: HDF5File.contents(file)))
  }
}

/// The parent of that process.
enum HDF5Child {
  static func show(_ file: String, json: Bool) throws {
    let child = Foundation.Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["hdf5-contents", file]
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

import Foundation

/// The program `signum` as the process that reads an HDF5 file, so that a crash of the library is an ordinary error.
struct HDF5Process {
  private let file: String
  private let program: String

  /// Throws where the program is not there: an application that only links this code has it not.
  init(_ file: String) throws(DatasetError) {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = own.deletingLastPathComponent().appendingPathComponent("signum")
    guard let program = [own, beside].first(where: { $0.lastPathComponent == "signum" && FileBytes.exists($0.path) })
    else {
      throw .unsupported(
        file, "HDF5 files are read by the program 'signum', which is not beside this one; write a .npz instead")
    }
    self.file = file
    self.program = program.path
  }

  private struct Contents: Decodable {
    struct Object: Decodable {
      var name: String
      var kind: String
    }
    var objects: [Object]
  }

  /// The paths of all arrays from the root, without a slash before them.
  func arrayNames() throws(DatasetError) -> [String] {
    let bytes = try output(["hdf5-contents", "--", file])
    guard let contents = try? JSONDecoder().decode(Contents.self, from: Data(bytes)) else {
      throw .damaged(file, "its contents could not be listed")
    }
    return contents.objects.filter { $0.kind == "dataset" }.map(\.name)
  }

  /// An array as the bytes of a `.npy` file.
  func array(_ name: String) throws(DatasetError) -> [UInt8] { try output(["hdf5-array", "--", file, name]) }

  /// What the process writes. Throws its message where it fails, and that the file is damaged where it is killed.
  private func output(_ arguments: [String]) throws(DatasetError) -> [UInt8] {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: program)
    child.arguments = arguments
    child.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    (child.standardOutput, child.standardError, child.standardInput) = (output, errors, FileHandle.nullDevice)
    do { try child.run() } catch { throw .cannotRead(file, reason: "'\(program)' cannot be started: \(error)") }
    // What goes wrong is a line or two: it fits the pipe while the other one is read.
    let bytes = FileBytes.readToEnd(output.fileHandleForReading.fileDescriptor)
    let message = String(
      decoding: FileBytes.readToEnd(errors.fileHandleForReading.fileDescriptor), as: UTF8.self)
    child.waitUntilExit()
    guard child.terminationReason == .exit else {
      throw .damaged(file, "the HDF5 library could not read it (signal \(child.terminationStatus))")
    }
    guard child.terminationStatus == 0 else { throw .unsupported(file, reason(in: message)) }
    return bytes
  }

  /// The first line of the message, without the words that stand before every one.
  private func reason(in message: String) -> String {
    var line = message.split(separator: "\n").first.map(String.init) ?? "the HDF5 library could not read it"
    for start in ["error: ", "\(DatasetFinder.fileName(file)): "] where line.hasPrefix(start) {
      line.removeFirst(start.count)
    }
    return line
  }
}

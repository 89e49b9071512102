import Foundation
import Tensors

/// An HDF5 file that a child process reads, so that a crash, a hang or a flood there is an ordinary error here.
///
/// The child is the program `signum`, started as `hdf5-serve`; it limits its own memory and processor time. An
/// application that only links this code, and has no `signum` beside it, gets an error that says so.
package final class HDF5Session: HDF5Source {
  package let objects: [HDF5Object]
  private let child: HDF5Child
  private let path: String
  private var budget: HDF5Budget

  /// - Parameters:
  ///   - patience: how many seconds may pass without a byte from the child.
  ///   - program: what is started; `signum` where none is given.
  package init(_ place: HDF5Place, patience: Int = 60, program: URL? = nil) throws(ImportError) {
    path = place.path
    do throws(ImportError.Problem) {
      // Refuses what is missing or no file before a process is started for it.
      budget = HDF5Budget(bytes: try MappedFile(place.path).bytes.count)
      let child = try HDF5Child(place, patience: patience, program: program)
      self.child = child
      let size = try child.nextLength()
      guard size <= HDF5Session.longestList else { throw .damaged("its list of contents has \(size) bytes") }
      var list = [UInt8](repeating: 0, count: size)
      let failure = list.withUnsafeMutableBytes { bytes in child.failure(reading: bytes) }
      if let failure { throw failure }
      let decoded = Result { try JSONDecoder().decode([HDF5Object].self, from: Data(list)) }
      guard let objects = try? decoded.get() else { throw .damaged("its contents could not be listed") }
      self.objects = objects
    } catch {
      throw ImportError(place.path, error)
    }
  }

  package static let open: HDF5Opening = { place throws(ImportError) in try HDF5Session(place) }

  private static let longestList = 1 << 30

  package func tensor(at index: Int) throws(ImportError) -> Tensor {
    do throws(ImportError.Problem) {
      guard objects.indices.contains(index), let dimensions = objects[index].shape,
        let shape = Shape.checked(dimensions), shape.count <= 2 << 30
      else { throw .model("has no array of the number \(index) that can be read") }
      try budget.take(objects[index])
      try child.ask(for: index)
      guard try child.nextLength() == shape.count * 4 else { throw .damaged("an array has not the size that it names") }
      var failure: ImportError.Problem?
      let tensor = Tensor(shape) { failure = child.failure(reading: UnsafeMutableRawBufferPointer($0)) }
      if let failure { throw failure }
      return tensor
    } catch {
      throw ImportError(path, error)
    }
  }
}

/// The process, and the ends of its pipes.
private final class HDF5Child {
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()
  /// A socket and no pipe: writing to it after the child's end is an error, and not the end of this process.
  private let requests: Int32
  private let patience: Int
  private let file: String

  init(_ place: HDF5Place, patience: Int, program: URL?) throws(ImportError.Problem) {
    guard let program = program ?? HDF5Child.program else {
      throw .model("HDF5 files are read by the program 'signum', which is not beside this one")
    }
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw .unreadable(reason: String(cString: strerror(errno)))
    }
    (requests, self.patience, file) = (ends[0], patience, ImportError.name(of: place.path))
    process.executableURL = program
    process.arguments = ["hdf5-serve"] + (place.member.map { ["--member", $0] } ?? []) + ["--", place.path]
    process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    let theirs = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    (process.standardInput, process.standardOutput, process.standardError) = (theirs, output, errors)
    do { try process.run() } catch {
      throw .unreadable(reason: "'\(program.path)' cannot be started: \(error.localizedDescription)")
    }
    try? theirs.close()
  }

  deinit {
    close(requests)
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// This program, or the one beside it.
  private static var program: URL? {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let beside = own.deletingLastPathComponent().appendingPathComponent("signum")
    return [own, beside].first { $0.lastPathComponent == "signum" && access($0.path, X_OK) == 0 }
  }

  func ask(for index: Int) throws(ImportError.Problem) {
    let line = Array("\(index)\n".utf8)
    guard send(requests, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else { throw failure() }
  }

  func nextLength() throws(ImportError.Problem) -> Int {
    var length: UInt64 = 0
    let problem = withUnsafeMutableBytes(of: &length) { self.failure(reading: $0) }
    if let problem { throw problem }
    return Int(clamping: UInt64(littleEndian: length))
  }

  /// Fills the bytes; why not, where that fails.
  func failure(reading bytes: UnsafeMutableRawBufferPointer) -> ImportError.Problem? {
    let descriptor = output.fileHandleForReading.fileDescriptor
    var count = 0
    while count < bytes.count {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, Int32(clamping: patience * 1000))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else {
        kill(process.processIdentifier, SIGKILL)
        return .damaged("the HDF5 library did not come to an end with it in \(patience) seconds")
      }
      let step = Foundation.read(descriptor, bytes.baseAddress! + count, min(bytes.count - count, 1 << 26))
      if step < 0 && errno == EINTR { continue }
      guard step > 0 else { return failure() }
      count += step
    }
    return nil
  }

  /// Why the child has ended.
  private func failure() -> ImportError.Problem {
    // What goes wrong is a line or two: it fits the pipe while nobody reads it.
    let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationReason == .exit else {
      return .damaged("the HDF5 library could not read it (signal \(process.terminationStatus))")
    }
    var line = message.split(separator: "\n").first.map(String.init) ?? "the HDF5 library could not read it"
    for start in ["error: ", "\(file): "] where line.hasPrefix(start) { line.removeFirst(start.count) }
    return .model(line)
  }
}

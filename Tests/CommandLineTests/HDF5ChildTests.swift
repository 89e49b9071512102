import Foundation
import Importers
import TestSupport
import Testing

/// What befalls the process that reads HDF5 is an ordinary error here, which names the file.
struct HDF5ChildTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A child that does what a script of bash says; its arguments are those of `signum`.
  private func child(_ script: String) throws -> URL {
    let path = folder.path("child-\(UUID().uuidString)")
    // Another process writes it: a file that this one has open for writing cannot be started by a thread beside.
    let written = try Program.shell(
      "printf '#!/bin/bash\\n%s\\n' \"$1\" > \"$2\" && chmod 700 \"$2\"", [script, path])
    try #require(written.status == 0)
    return URL(fileURLWithPath: path)
  }

  private func session(_ file: String, _ script: String, patience: Int = 30) throws -> HDF5Session {
    try HDF5Session(HDF5Place(Project.path(file)), patience: patience, program: try child(script))
  }

  /// What is said where the child does that instead of reading.
  private func message(_ script: String, patience: Int = 30) -> String {
    do {
      return "\(try session("fixtures/keras/plain_k3.h5", script, patience: patience).objects.count) objects"
    } catch { return "\(error)" }
  }

  @Test("a child that hangs is ended") func hang() throws {
    let start = ContinuousClock.now
    #expect(
      message("exec sleep 100", patience: 1)
        == "plain_k3.h5: is damaged: the HDF5 library did not come to an end with it in 1 seconds")
    #expect(start.duration(to: .now) < .seconds(50))
  }

  @Test(
    "a child that is ended by a signal, by itself or by a limit of processor time",
    arguments: [("kill -KILL $$", 9), ("kill -SEGV $$", 11), ("ulimit -t 1; while :; do :; done", 9)])
  func signals(_ script: String, _ number: Int) {
    let words = "plain_k3.h5: is damaged: the HDF5 library could not read it (signal \(number))"
    #expect(message(script, patience: 100) == words)
  }

  /// The threads that tests run on block signals, and so would the child.
  @Test("the signal of the limit of processor time ends the child, whoever started it") func limitOfTime() throws {
    let script = "(sleep 1; kill -XCPU $$) > /dev/null 2>&1 & exec '\(Program.path)' \"$@\""
    let source = try session("fixtures/keras/plain_k3.h5", script)
    let place = try #require(source.objects.firstIndex { $0.kind == .dataset })
    var said = ""
    let start = ContinuousClock.now
    while said.isEmpty, start.duration(to: .now) < .seconds(60) {
      do { _ = try source.tensor(at: place) } catch { said = error.description }
      Thread.sleep(forTimeInterval: 0.1)
    }
    #expect(said == "plain_k3.h5: is damaged: the HDF5 library could not read it (signal 24)")
  }

  @Test(
    "a child that answers what it never should",
    arguments: [
      ("exit 0", "the HDF5 library could not read it"), ("printf '\\1\\0\\0'", "the HDF5 library could not read it"),
      ("printf '\\2\\0\\0\\0\\0\\0\\0\\0[]'; exit 3", "0 objects"),
      ("printf '\\3\\0\\0\\0\\0\\0\\0\\0abc'", "is damaged: its contents could not be listed"),
      (
        "printf '\\377\\377\\377\\377\\377\\377\\377\\377'",
        "is damaged: its list of contents has 9223372036854775807 bytes"
      ),
      ("echo 'error: plain_k3.h5: is odd' >&2; exit 1", "is odd"),
      ("echo 'no such thing' >&2; exit 127", "no such thing"),
    ])
  func answers(_ script: String, _ words: String) {
    #expect(message(script) == (words == "0 objects" ? words : "plain_k3.h5: " + words))
  }

  @Test("a child that may not have the memory that an array takes, or that it takes to start") func memory() throws {
    var (listed, read, said) = (0, 0, [String]())
    var kilobytes = 64 << 10
    while kilobytes <= 4 << 20, read == 0 {
      defer { kilobytes = kilobytes * 6 / 5 }
      do {
        let source = try session("fixtures/hdf5/zeros.h5", "ulimit -v \(kilobytes); exec '\(Program.path)' \"$@\"")
        listed += 1
        let place = try #require(source.objects.firstIndex { $0.name == "part" })
        let part = try source.tensor(at: place)
        read += 1
        #expect(part.count == 20_000_000)
      } catch let error as ImportError { said.append(error.description) }
    }
    // Too little to start, enough to list and too little to read, enough.
    #expect(said.count > listed && listed > read && read == 1)
    #expect(said.allSatisfy { $0.hasPrefix("zeros.h5: ") && $0.count > 20 }, "\(said)")
    #expect(said.contains { $0.hasSuffix("bytes of an array at once are more than memory is for") }, "\(said)")
  }
}

import Archives
import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

@testable import Importers

/// A ZIP archive of stored files, byte by byte.
private func archive(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
  func number<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  var (body, directory): ([UInt8], [UInt8]) = ([], [])
  for (name, bytes) in files {
    let (sum, size) = (ZipArchive.checksum(bytes), UInt32(bytes.count))
    let common =
      number(UInt16(20)) + number(UInt16(0)) + number(UInt16(0)) + number(UInt32(0)) + number(sum)
      + number(size)
      + number(size) + number(UInt16(name.utf8.count)) + number(UInt16(0))
    directory += number(UInt32(0x0201_4B50)) + number(UInt16(20)) + common
    directory +=
      number(UInt16(0)) + number(UInt16(0)) + number(UInt16(0)) + number(UInt32(0))
      + number(UInt32(body.count))
    directory += Array(name.utf8)
    body += number(UInt32(0x0403_4B50)) + common + Array(name.utf8) + bytes
  }
  let end =
    number(UInt32(0x0605_4B50)) + number(UInt32(0)) + number(UInt16(files.count))
    + number(UInt16(files.count))
    + number(UInt32(directory.count)) + number(UInt32(body.count)) + number(UInt16(0))
  return body + directory + end
}

/// The files of a `.keras` fixture.
private func members(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
  let file = try ZipArchive(
    Array(Data(contentsOf: URL(fileURLWithPath: Fixtures.path("keras/\(name)")))), path: name)
  return try file.entries.map { ($0.name, try file.bytes(of: $0)) }
}

@Suite("What is wrong with a Keras model is said, all of it")
struct KerasRejectionTests {
  private let folder = try! TemporaryFolder()

  /// What the importer says of an archive; nil where it imports it.
  private func problem(_ files: [(name: String, bytes: [UInt8])]) throws -> String? {
    try problem(bytes: archive(files))
  }

  private func problem(bytes: [UInt8], name: String = "model.keras") throws -> String? {
    try Data(bytes).write(to: folder.url.appendingPathComponent(name))
    do { _ = try KerasImporter.graph(from: folder.path(name), opening: HDF5Reading.open) } catch {
      return error.description
    }
    return nil
  }

  /// The fixture with other text in its architecture.
  private func changed(_ fixture: String, _ edits: [(String, String)]) throws -> String? {
    try problem(
      members(fixture).map { file in
        guard file.name == "config.json" else { return file }
        var text = String(decoding: file.bytes, as: UTF8.self)
        for (old, new) in edits {
          #expect(text.contains(old), "'\(old)' is not in the architecture")
          text = text.replacingOccurrences(of: old, with: new)
        }
        return (file.name, Array(text.utf8))
      })
  }

  @Test("a layer of code is refused by name, and every other problem is listed with it")
  func lambda() throws {
    let words = try #require(try changed("refused_k3.keras", [("\"Conv2D\"", "\"QuantConv2D\"")]))
    #expect(words.contains("node 'code' (Lambda): is code in the file, which is never run"))
    #expect(words.contains("layer 'conv' (QuantConv2D): this layer is not supported"))
    #expect(words.contains("supported layers are Activation, ActivityRegularization, Add"))
    let alone = try #require(try changed("refused_k3.keras", []))
    #expect(alone.split(separator: "\n").count == 1)
  }

  @Test(
    "attributes that no layer has",
    arguments: [
      (
        "\"padding\": \"valid\"", "\"padding\": \"reflect\"",
        "'padding' is 'reflect', expected valid or same"
      ),
      (
        "\"filters\": 4", "\"filters\": 5",
        "its weight 'layers/conv2d/vars/0' is [3, 3, 1, 4], but the layer wants [3, 3, 1, 5]"
      ),
      ("\"units\": 5", "\"units\": \"five\"", "'units' is 'five', expected a whole number"),
      (
        "\"activation\": \"relu\"", "\"activation\": \"wave\"",
        "the activation 'wave' is not supported"
      ),
      (
        "\"strides\": [1, 1]", "\"strides\": [1, 1, 0]",
        "'strides' is [1, 1, 0], expected 2 whole numbers above 0"
      ),
      ("\"axis\": -1", "\"axis\": 1", "'axis' is 1 of 4 axes, which is not supported"),
      (
        "\"batch_shape\": [null, 6, 6, 1]", "\"batch_shape\": [null, null, 6, 1]",
        "its shape [1, 1, ?, 6] is open"
      ),
      (
        "\"batch_shape\": [null, 6, 6, 1]", "\"batch_shape\": [null, 2, 2, 1]",
        "does not fit into the padded image"
      ),
    ])
  func attributes(_ old: String, _ new: String, _ words: String) throws {
    let problem = try #require(try changed("plain_k3.keras", [(old, new)]))
    #expect(problem.contains(words), "\(problem)")
    #expect(problem.hasPrefix("model.keras: "))
  }

  @Test(
    "networks that are wired to nothing",
    arguments: [
      ("[\"dense_4\", 0, 0]", "[\"dense_9\", 0, 0]", "the output 'dense_9' of the network"),
      ("\"output_layers\"", "\"other_layers\"", "its architecture has no 'output_layers'"),
      (
        "\"keras_history\": [\"shared\", 1, 0]", "\"keras_history\": [\"add_1\", 0, 0]",
        "layers read each other in a circle"
      ),
      ("\"name\": \"flatten_11\"", "\"name\": \"add_1\"", "two layers have the name 'add_1'"),
    ])
  func wiring(_ old: String, _ new: String, _ words: String) throws {
    let problem = try #require(try changed("nested_k3.keras", [(old, new)]))
    #expect(problem.contains(words), "\(problem)")
  }

  @Test("archives that are not what they should be") func archives() throws {
    let good = try members("plain_k3.keras")
    func renamed(_ old: String, _ new: String) -> [(name: String, bytes: [UInt8])] {
      good.map { ($0.name == old ? new : $0.name, $0.bytes) }
    }
    #expect(try problem(good) == nil)
    #expect(
      try problem(renamed("config.json", "../config.json"))!.contains(
        "'../config.json' leads out of the archive"))
    #expect(
      try problem(renamed("metadata.json", "config.json"))!.contains(
        "two files in it have the name 'config.json'"))
    #expect(
      try problem(renamed("config.json", "other.json"))!.contains(
        "holds no 'config.json'; it holds metadata.json"))
    #expect(
      try problem(renamed("model.weights.h5", "model.weights.npz"))!.contains(
        "holds no 'model.weights.h5'"))
    #expect(
      try problem(good.map { $0.name.hasSuffix("h5") ? ($0.name, []) : $0 })!.contains(
        "cannot be read"))
    #expect(
      try problem(bytes: Array("no archive".utf8))!.contains("it has no directory at its end"))
    #expect(try problem(bytes: [])! == "model.keras: is empty")
  }

  /// A file that is said to unpack to gigabytes is refused before any memory is asked for.
  @Test("bombs") func bombs() throws {
    var file = archive([
      ("config.json", Array(repeating: 32, count: 1000)), ("model.weights.h5", []),
    ])
    let directory = Int(
      file[(file.count - 6)...].prefix(4).enumerated().reduce(0) {
        $0 + Int($1.element) << (8 * $1.offset)
      })
    file.replaceSubrange((directory + 24)..<(directory + 28), with: [0, 0, 0, 0xF0])
    #expect(
      try problem(bytes: file)!.contains(
        "is said to unpack to 4026531840 bytes; at most 268435456 are read"))
    file.replaceSubrange((directory + 24)..<(directory + 28), with: [0, 0, 0, 0x0F])
    file[directory + 10] = 8
    #expect(try problem(bytes: file)!.contains("1000 packed bytes are said to unpack to 251658240"))
    let weights = try members("plain_k3.keras").first { $0.name.hasSuffix("h5") }!
    for (text, words) in [
      (String(repeating: "[", count: 100_000), "is nested deeper than 128 levels"),
      (
        "[" + String(repeating: "0,", count: 5 << 20) + "0]",
        "has more than 4194304 values in its JSON"
      ),
      (
        "\"" + String(repeating: "a", count: 17 << 20) + "\"",
        "has more than 16777216 bytes in a string"
      ),
      (
        "{\"class_name\": \"Model\", \"class_name\": 1}",
        "the key 'class_name' stands twice at byte"
      ),
    ] {
      let problem = try #require(try problem([("config.json", Array(text.utf8)), weights]))
      #expect(problem.contains(words), "\(problem.prefix(200))")
    }
  }

  @Test("weights without a network say where one is looked for") func beside() throws {
    let weights = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("keras/beside_k3.weights.h5")))
    let problem = try #require(try problem(bytes: Array(weights), name: "net.weights.h5"))
    #expect(
      problem.contains("holds tensors and no network")
        && problem.contains("as 'net.json' or 'net_arch.json'"))
    let map = "{\"weight_map\": {\"/layers/dense/vars\": \"../secret.h5\"}}"
    #expect(
      try self.problem(bytes: Array(map.utf8), name: "net.weights.json")!.contains(
        "names the file '../secret.h5'"))
    let many = (0...64).map { "\"\($0)\": \"shard_\($0).h5\"" }.joined(separator: ", ")
    #expect(
      try self.problem(bytes: Array("{\"weight_map\": {\(many)}}".utf8), name: "net.weights.json")!.contains(
        "has more than 64 files in 'weight_map'"))
  }

  /// What another wrote may compute anything, whatever it is called.
  @Test(
    "classes and functions of others that have the name of one of Keras",
    arguments: [
      (
        "\"module\": \"keras.layers\", \"class_name\": \"Dense\"", "\"module\": \"mine\", \"class_name\": \"Dense\"",
        "layer 'out' (mine>Dense): this layer is not supported"
      ),
      (
        "\"activation\": \"softmax\"",
        "\"activation\": {\"module\": \"mine\", \"class_name\": \"function\", \"config\": \"softmax\"}",
        "node 'out' (Dense): the activation 'softmax' is one of 'mine', which is not supported"
      ),
      (
        "\"activation\": \"softmax\"",
        "\"activation\": {\"class_name\": \"mine>Softmax\", \"config\": {}, \"registered_name\": \"mine>Softmax\"}",
        "node 'out' (Dense): the activation 'mine>Softmax' is one of 'mine', which is not supported"
      ),
      (
        "\"activation\": \"softmax\"", "\"activation\": {\"class_name\": \"function\", \"config\": {\"code\": 1}}",
        "node 'out' (Dense): the activation 'function' is not supported"
      ),
    ])
  func namesakes(_ old: String, _ new: String, _ words: String) throws {
    let problem = try #require(try changed("plain_k3.keras", [(old, new)]))
    #expect(problem.hasPrefix("model.keras: \(words)"), "\(problem)")
  }

  @Test("weights in several files are not fetched from another folder by a link") func shards() throws {
    let names = [
      "shards_k3.json", "shards_k3.weights.json", "shards_k3_00000.weights.h5", "shards_k3_00001.weights.h5",
      "shards_k3_00002.weights.h5",
    ]
    for (name, linked) in [("out", names[3...3]), ("cache", names[...])] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
      for file in names {
        let place = folder.path("\(name)/\(file)")
        if linked.contains(file) {
          try FileManager.default.createSymbolicLink(
            atPath: place, withDestinationPath: Fixtures.path("keras/\(file)"))
        } else {
          try FileManager.default.copyItem(atPath: Fixtures.path("keras/\(file)"), toPath: place)
        }
      }
    }
    func words(_ name: String) -> String {
      do {
        _ = try KerasImporter.graph(from: folder.path("\(name)/shards_k3.weights.json"), opening: HDF5Reading.open)
        return "imported"
      } catch { return error.description }
    }
    #expect(
      words("out")
        == "shards_k3.weights.json: 'weight_map' names the file 'shards_k3_00001.weights.h5', which leads to another "
        + "folder: put the file itself in its place")
    // As a cache keeps them: all of them as links into one folder.
    #expect(words("cache") == "imported")
  }

  /// The library would read whatever file the model names.
  @Test("weights that lie in other files are not opened") func elsewhere() {
    var words = ""
    do { _ = try Fixtures.keras("elsewhere_k3.h5") } catch { words = error.description }
    #expect(
      words.hasPrefix("elsewhere_k3.h5: array 'model_weights/conv/")
        && words.hasSuffix("lies in other files, which are not opened"))
  }

  @Test("weights that are no numbers are a warning that names the tensor") func notNumbers() throws {
    #expect(
      try Fixtures.keras("nan_k3.h5").oddNumbers
        == ["nan_k3.h5: tensor 'conv/kernel': 1 of its 36 elements are NaN"])
    #expect(try Fixtures.keras("plain_k3.h5").oddNumbers.isEmpty)
  }

  /// Seeded changes of the architecture: whatever they are, the importer throws or imports.
  @Test(
    "thousands of changed architectures",
    arguments: ["plain_k3.keras", "nested_k2.keras", "sequences_k3.keras"])
  func mutations(_ fixture: String) throws {
    let files = try members(fixture)
    let text = files.first { $0.name == "config.json" }!.bytes
    let source = try HDF5Reading(
      HDF5Place(Fixtures.path("keras/\(fixture)"), member: KerasArchive.weights))
    var generator = SplitMix64(seed: 11)
    var imported = 0
    let pieces = [
      "-1", "0", "99999999999", "null", "[]", "{}", "\"\"", "1e999", "true", "NaN", "[null, 3]",
    ].map { Array($0.utf8) }
    for _ in 0..<700 {
      var bytes = text
      for _ in 0..<(1 + Int(generator.next() % 3)) {
        let place = Int(generator.next() % UInt64(bytes.count))
        if generator.next() % 2 == 0 {
          bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        } else if let digit = bytes[place...].firstIndex(where: { (48...57).contains($0) }) {
          bytes.replaceSubrange(
            digit..<(digit + 1), with: pieces[Int(generator.next() % UInt64(pieces.count))])
        }
      }
      if (try? KerasImporter.graph(of: bytes, source)) != nil { imported += 1 }
    }
    #expect(imported > 0 && imported < 700)
  }
}

extension KerasImporter {
  /// A model of an architecture and weights that are open.
  fileprivate static func graph(of architecture: [UInt8], _ source: any HDF5Source) throws -> Graph {
    var translation = KerasTranslation(
      source: "mutated", store: try KerasStore([source]), version: 3, backend: "",
      hasChannelsFirst: false, inputShapes: [:])
    translation.translate(try KerasNetwork(JSONReader.read(architecture)))
    guard translation.allProblems.isEmpty else {
      throw ImportError("mutated", translation.allProblems)
    }
    return translation.finish(companionFiles: [])
  }
}

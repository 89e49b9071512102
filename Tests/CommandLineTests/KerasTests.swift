import Foundation
import Tensors
import TestSupport
import Testing

/// Keras files by the command line, where a child process reads what is HDF5.
struct KerasTests {
  private static let data = BadFiles.data

  @Test(
    "every form of file is inspected through the child",
    arguments: [
      "plain_k2.h5", "plain_k3.keras", "beside_k2_weights.h5", "beside_k3.weights.h5",
      "shards_k3.weights.json",
      "bfloat16_k3.keras", "theano_k1_weights.h5",
    ])
  func inspected(_ file: String) throws {
    let json = try Program.run(["inspect", "fixtures/keras/\(file)", "--json"]).object()
    #expect(json["format"] as? String == "float")
    let layers = try #require(json["layers"] as? [[String: Any]])
    #expect(layers.contains { $0["kind"] as? String == "dense" && $0["bits"] as? Double == 32 })
  }

  @Test("weights without a network are listed") func listed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("net.weights.h5")
    try FileManager.default.copyItem(
      atPath: Project.path("fixtures/keras/beside_k3.weights.h5"), toPath: path)
    let outcome = try Program.run(["inspect", path])
    #expect(outcome.status == 0 && outcome.text.contains("layers/conv2d/vars/0"))
    let refused = try Program.run(["evaluate", path, "--data", Self.data])
    #expect(refused.status == 1 && refused.errors.contains("holds tensors and no network"))
  }

  @Test("converted, verified and evaluated", arguments: ["clothes_k2.h5", "clothes_k3.keras"])
  func converted(_ file: String) throws {
    let folder = try TemporaryFolder()
    let (model, packed) = ("fixtures/keras/\(file)", folder.path("a.signum"))
    let recipe = try folder.write("recipe.yaml", "method: xnor\nepochs: 1\nseed: 3\nbatch: 500\n")
    let outcome = try Program.run([
      "convert", model, "--recipe", recipe, "--data", Self.data, "--normalization", "unit", "-o",
      packed,
    ])
    #expect(
      outcome.status == 0 && outcome.text.contains("verified: the bits compute what was trained"),
      "\(outcome.errors)")
    let verified = try Program.run(["verify", packed, "--against", model, "--data", Self.data])
    #expect(verified.status == 0, "\(verified.errors)")
    for file in [model, packed] {
      let report = try Program.run([
        "evaluate", file, "--data", Self.data, "--limit", "100", "--json",
      ]).object()
      #expect(report["top1"] as? Double != nil)
    }
    // Another file of the same name beside the architecture is another model.
    let other = try Program.run([
      "verify", packed, "--against", "fixtures/keras/plain_k3.keras", "--data", Self.data,
    ])
    #expect(other.status == 1)
  }

  @Test("layers of code are refused by name, and weights that are no numbers are a warning")
  func refused() throws {
    let reason = "node 'code' (Lambda): is code in the file, which is never run"
    let outcome = try Program.run(["inspect", "fixtures/keras/refused_k3.keras"])
    #expect(outcome.status == 0 && outcome.text.contains(reason) && outcome.text.contains("not supported"))
    let evaluated = try Program.run(["evaluate", "fixtures/keras/refused_k3.keras", "--data", Self.data])
    #expect(evaluated.status == 1 && evaluated.errors.contains(reason))
    let folder = try TemporaryFolder()
    let warned = try Program.run([
      "convert", "fixtures/keras/nan_k3.h5", "--method", "xnor", "--epochs", "0", "--data",
      Self.data, "-o",
      folder.path("a.signum"),
    ])
    #expect(
      warned.status == 1
        && warned.errors.contains("nan_k3.h5: tensor 'conv/kernel': 1 of its 36 elements are NaN"))
  }

  /// Found by `make fuzz`: the library goes round in circles in them, and the child's time ends that.
  @Test("a file without an end is refused", arguments: ["endless.h5", "endless_again.h5"])
  func endless(_ file: String) throws {
    let outcome = try Program.run(["inspect", "fixtures/hdf5/\(file)"])
    #expect(outcome.status == 1 && outcome.errors.hasPrefix("error: \(file): is damaged: "), "\(outcome.errors)")
  }

  /// Seeded damage to HDF5 files, which the library reads in a child: always an import or one clear error, and nothing
  /// that hangs. `SIGNUM_CORRUPTIONS` says how many; a fuzzing run asks for 5,000.
  @Test("damaged HDF5 files cannot crash the command") func corruptions() throws {
    let count = ProcessInfo.processInfo.environment["SIGNUM_CORRUPTIONS"].flatMap { Int($0) } ?? 24
    let folder = try TemporaryFolder()
    let sources = try ["plain_k2.h5", "beside_k3.weights.h5", "sequences_k3.h5"].map {
      try Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/keras/\($0)")))
    }
    let architecture = try Data(
      contentsOf: URL(fileURLWithPath: Project.path("fixtures/keras/beside_k3.json")))
    try architecture.write(to: folder.url.appendingPathComponent("net.json"))
    var refused = 0
    for seed in 0..<count {
      let file = try folder.write(
        "net.h5", Self.damaged(sources[seed % sources.count], seed: UInt64(seed)))
      let outcome = try Program.run(["inspect", file, "--json"])
      let isClear =
        outcome.status == 0 || (outcome.status == 1 && outcome.errors.hasPrefix("error: "))
      #expect(
        isClear && !outcome.errors.contains("Fatal error"),
        "seed \(seed): \(outcome.status) \(outcome.errors)")
      refused += outcome.status == 1 ? 1 : 0
    }
    #expect(refused > count / 10)
  }

  /// A few bytes changed, a part cut off, or a part written over another.
  private static func damaged(_ data: Data, seed: UInt64) -> Data {
    var (bytes, generator) = (Array(data), SplitMix64(seed: seed))
    func place(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
    switch seed % 5 {
    case 0: bytes.removeLast(place(bytes.count - 1))
    case 1:
      let (from, to, length) = (place(bytes.count - 64), place(bytes.count - 64), 1 + place(63))
      bytes.replaceSubrange(to..<(to + length), with: Array(bytes[from..<(from + length)]))
    default:
      // What is not numbers stands at the beginning of groups: most changes shall hit structure.
      for _ in 0..<(1 + place(8)) {
        var index = place(bytes.count)
        if let mark = [UInt8]("TREE".utf8).first, place(2) == 0 {
          index = min(bytes.count - 1, (bytes[index...].firstIndex(of: mark) ?? index) + place(64))
        }
        bytes[index] = place(3) == 0 ? 0xFF : UInt8(truncatingIfNeeded: generator.next())
      }
    }
    return Data(bytes)
  }
}

import Foundation
@testable import Packed
import TestSupport
import Testing
import Tensors

@Suite struct PackedFileTests {
  @Test(arguments: goldenModels.map(\.name))
  func goldenBytesStay(name: String) throws {
    let model = goldenModels.first { $0.name == name }!.model
    let bytes = PackedFile.encode(model)
    #expect(try PackedFile.decode(bytes) == model)
    #expect(try bytes == recorded(bytes, "golden/\(name).signum"))
    #expect(bytes.count % 64 == 0)
  }

  @Test func everyRejectedFileIsRefusedForItsReason() throws {
    let made = rejectedFiles()
    #expect(Set(made.map(\.name)).count == made.count)
    for file in made {
      let bytes = try recorded(file.bytes, "rejected/\(file.name).signum")
      #expect(bytes == file.bytes, "\(file.name)")
      do {
        _ = try PackedFile.decode(bytes)
        Issue.record("\(file.name) was not refused")
      } catch {
        let found = caseName(error)
        #expect(file.name.split(separator: ".").first.map(String.init) == found, "\(file.name): \(error)")
        #expect(!error.description.isEmpty && error.description != "is not valid", "\(file.name)")
      }
    }
    let folder = formats.appendingPathComponent("rejected")
    let found = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".signum") }
    #expect(Set(found) == Set(made.map { $0.name + ".signum" }))
  }

  /// Files of before say nothing of threads, and stay as they were.
  @Test func theThreadsOfTrainingAreKeptWhereTheyAreKnown() throws {
    var model = goldenModels[0].model
    #expect(model.provenance.threads == nil)
    model.provenance.threads = 12
    let found = try PackedFile.decode(PackedFile.encode(model))
    #expect(found == model && found.provenance.threads == 12)
  }

  @Test func aFileCutOffAnywhereIsRefused() {
    for (name, model) in goldenModels {
      let bytes = PackedFile.encode(model)
      for length in 0..<bytes.count {
        #expect(throws: PackedFileError.self, "\(name) cut to \(length)") {
          try PackedFile.decode(bytes.prefix(length))
        }
      }
    }
  }

  @Test func thousandsOfMutationsThrowOrDecode() throws {
    var generator = SplitMix64(seed: 1)
    var (decoded, reasons) = (0, [String: Int]())
    for round in 0..<4000 {
      let original = PackedFile.encode(goldenModels[round % goldenModels.count].model)
      var bytes = [UInt8](original)
      for _ in 0...generator.below(3) { mutate(&bytes, &generator) }
      if generator.below(4) > 0 { restoreChecksum(&bytes) }
      do {
        let model = try PackedFile.decode(Data(bytes))
        decoded += 1
        let runner = try PackedRunner(model, threads: 1)
        guard runner.shapes.values.joined().allSatisfy({ $0 < 1000 }) else { continue }
        guard runner.shapes.values.allSatisfy({ $0.reduce(1, *) < 10_000 }) else { continue }
        _ = try runner.run(Tensor(Shape([1] + model.input.shape), repeating: 0.5))
      } catch let error as PackedFileError {
        reasons[caseName(error), default: 0] += 1
        #expect(!error.description.isEmpty)
      }
    }
    #expect(decoded > 100, "mutations should reach the runner too")
    #expect(reasons.count > 15, "mutations should reach most checks: \(reasons)")
  }

  @Test func filesAreWrittenWholeOrNotAtAll() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("signum-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("model.signum").path
    let model = goldenModels[0].model
    try PackedFile.write(model, to: path)
    try PackedFile.write(model, to: path)
    #expect(try PackedFile.read(path) == model)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == PackedFile.encode(model))

    let occupied = folder.appendingPathComponent("folder").path
    try FileManager.default.createDirectory(atPath: occupied + "/inner", withIntermediateDirectories: true)
    #expect(throws: PackedFileError.self) { try PackedFile.write(model, to: occupied) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["folder", "model.signum"])

    let missing = folder.path + "/none/model.signum"
    let noSuchFile = "No such file or directory"
    #expect(throws: PackedFileError.inFile(missing, .cannotWrite(reason: noSuchFile))) {
      try PackedFile.write(model, to: missing)
    }
    #expect(throws: PackedFileError.inFile(missing, .cannotRead(reason: noSuchFile))) { try PackedFile.read(missing) }
    var broken = model
    broken.layers[1].inputs = [5]
    #expect(throws: PackedFileError.inFile(path, .invalidInput(layer: "conv2", 5))) {
      try PackedFile.write(broken, to: path)
    }
  }

  @Test func errorsSayTheirPlaceFirst() {
    let error = PackedFileError.inFile("model.signum", .wrongShape(layer: "conv2", reason: "[1] is odd"))
    #expect(error.description == "model.signum: layer 'conv2': [1] is odd")
  }
}

/// A case with facts has one child, which bears the name of the case; one has none.
private func caseName(_ error: PackedFileError) -> String {
  Mirror(reflecting: error).children.first?.label ?? "noLayers"
}

private func mutate(_ bytes: inout [UInt8], _ generator: inout SplitMix64) {
  guard bytes.count > 16 else { return }
  let place = generator.below(bytes.count)
  switch generator.below(8) {
  case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
  case 1: bytes.removeLast(generator.below(bytes.count))
  case 2: bytes.insert(UInt8(generator.below(256)), at: place)
  case 3: bytes.remove(at: place)
  case 4: bytes[generator.below(8)] = UInt8(generator.below(256))
  case 5: bytes[place] = UInt8(generator.below(256))
  default:
    // Another digit or letter in the header, where most of the meaning is.
    let places = bytes.indices.filter { $0 >= 8 && $0 < bytes.count - 64 && bytes[$0] >= 0x30 && bytes[$0] <= 0x39 }
    guard !places.isEmpty else { return }
    bytes[places[generator.below(places.count)]] = UInt8(0x30 + generator.below(10))
  }
}

/// Makes the checksum right again, where there is one.
func restoreChecksum(_ bytes: inout [UInt8]) {
  guard let digits = TensorFile.checksumDigits(in: bytes) else { return }
  bytes.replaceSubrange(digits, with: TensorFile.checksum(of: bytes).utf8)
}

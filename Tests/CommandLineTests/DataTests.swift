import Foundation
import TestSupport
import Testing

/// Data of the kinds that only the whole program reads, or warns of.
struct DataTests {
  private static let model = "fixtures/demo/fashion_tiny.onnx"
  private static let hdf5 = "fixtures/hdf5/fashion.h5"

  private struct Evaluation: Decodable {
    var images: Int
    var top1: Float
  }

  private func evaluate(_ data: String, _ rest: [String] = []) throws -> Evaluation {
    let outcome = try Program.run(
      ["evaluate", Self.model, "--data", data, "--normalization", "fashion-mnist", "--json"] + rest)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Evaluation.self, from: outcome.output)
  }

  @Test func arraysOfHDF5AreTheImagesTheyWereMadeOf() throws {
    let expected = try evaluate("fixtures/fashion-mnist", ["--limit", "100"])
    #expect(expected.images == 100)
    for data in [Self.hdf5, Self.hdf5 + ":/x_test,/y_test"] {
      let found = try evaluate(data)
      #expect(found.images == 100 && found.top1 == expected.top1)
    }
  }

  /// Whatever the library does with it, the program says which file it was.
  @Test func damagedHDF5FilesAreNamed() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: Project.path(Self.hdf5)))
    let folder = try TemporaryFolder()
    var refused = 0
    for place in [9, 100, 500, 1000, 1400, 2000, 3000, 4000] {
      var bytes = whole
      for i in place..<place + 8 { bytes[i] ^= 0xA5 }
      let path = try folder.write("\(place).h5", place == 4000 ? Data(whole.prefix(30_000)) : bytes)
      let outcome = try Program.run(["evaluate", Self.model, "--data", path, "--normalization", "fashion-mnist"])
      #expect(outcome.status == 0 || outcome.status == 1 && outcome.errors.hasPrefix("error: \(path): "))
      refused += outcome.status == 1 ? 1 : 0
    }
    #expect(refused >= 3)
  }

  @Test func arraysThatAreNotThereAreNamed() throws {
    let names = try Program.run(["evaluate", Self.model, "--data", "fixtures/hdf5/objects.h5"])
    #expect(names.status == 1 && names.errors.contains("fixtures/hdf5/objects.h5: has no array of the name x_test"))
    let one = try Program.run(["evaluate", Self.model, "--data", Self.hdf5 + ":/x,/y_test"])
    #expect(one.status == 1 && one.errors == "error: \(Self.hdf5): array 'x': there is none of this name\n")
  }

  /// Pictures of two sizes and kinds in two classes, and one that cannot be read.
  private func photographs(in folder: TemporaryFolder) throws -> String {
    for (place, image) in [
      ("bag/1.png", "grey.png"), ("bag/2.jpg", "colour.jpg"), ("boot/1.jpg", "grey.jpg"), ("boot/2.png", "palette.png"),
      ("boot/3.png", "grey16.png"), ("bag/4.jpg", "inks.jpg"),
    ] {
      _ = try folder.folder("photographs/train/" + place.prefix { $0 != "/" })
      let bytes = try Data(contentsOf: URL(fileURLWithPath: Project.path("fixtures/datasets/images/" + image)))
      _ = try folder.write("photographs/train/" + place, bytes)
    }
    _ = try folder.write("photographs/train/bag/3.png", "no picture")
    return folder.path("photographs")
  }

  private func convert(_ data: String, _ folder: TemporaryFolder, _ rest: [String] = []) throws -> Program.Outcome {
    try Program.run(
      [
        "convert", Self.model, "--method", "xnor", "--epochs", "0", "--data", data, "--normalization", "fashion-mnist",
        "-o", folder.path("o.signum"),
      ] + rest)
  }

  @Test func foldersOfImagesAreConvertedOnAndEvaluatedOn() throws {
    let folder = try TemporaryFolder()
    let data = try photographs(in: folder)
    let outcome = try convert(data, folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for line in [
      "warning: \(data)/train: 1 of 7 images cannot be read and are left out",
      "warning: \(data)/train/bag/3.png: is neither a JPEG nor a PNG",
      "warning: \(data): there are no test images with it; the figures below are of training images",
      "warning: \(data)/train: has 2 classes, but fashion_tiny.onnx tells 10 apart; the labels are taken for its first 2",
    ] { #expect(outcome.errors.contains(line + "\n"), "\(line)\n\(outcome.errors)") }
    let evaluated = try Program.run(["evaluate", folder.path("o.signum"), "--data", data + "/train", "--json"])
    #expect(try JSONDecoder().decode(Evaluation.self, from: evaluated.output).images == 6)
    let verified = try Program.run(
      ["verify", folder.path("o.signum"), "--against", Self.model, "--data", data + "/train"])
    #expect(verified.status == 0, "\(verified.errors)")
    for (outcome, model) in [(evaluated, folder.path("o.signum")), (verified, Self.model)] {
      let warning = "has 2 classes, but \(model) tells 10 apart; the labels are taken for its first 2\n"
      #expect(outcome.errors.contains(warning), "\(outcome.errors)")
    }
  }

  @Test func imagesAreNotMovedOutOfSight() throws {
    let folder = try TemporaryFolder()
    let outcome = try convert("fixtures/fashion-mnist", folder, ["--set", "crop=28"])
    #expect(outcome.status == 1 && folder.names.isEmpty)
    #expect(outcome.errors.contains("'crop: 28' moves images of 28 x 28 out of sight\n"))
  }

  /// The log must not get the messages, whatever number its file has.
  @Test func closedDescriptorsKeepMessagesOutOfFiles() throws {
    let folder = try TemporaryFolder()
    let log = folder.path("o.jsonl")
    let outcome = try Program.shell(
      "exec \"$0\" \"$@\" <&- >&- 2>&-",
      [
        "convert", Self.model, "--method", "xnor", "--epochs", "0", "--data", "fixtures/fashion-mnist", "-o",
        folder.path("o.signum"), "--log", log,
      ])
    #expect(outcome.status == 0 && folder.names.contains("o.signum"))
    let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    #expect(lines.count > 2 && lines.allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
  }

  @Test func strictRefusesWhatCannotBeRead() throws {
    let folder = try TemporaryFolder()
    let data = try photographs(in: folder)
    let outcome = try convert(data, folder, ["--strict"])
    #expect(outcome.status == 1 && !folder.names.contains("o.signum"))
    #expect(outcome.errors == "error: \(data)/train/bag/3.png: is neither a JPEG nor a PNG\n")
    let evaluated = try Program.run(["evaluate", Self.model, "--data", data + "/train", "--strict"])
    #expect(evaluated.status == 1 && evaluated.errors == outcome.errors)
  }

  @Test func imagesThatAreTrainedAndTestedOnAreCounted() throws {
    let folder = try TemporaryFolder()
    let test = "fixtures/fashion-mnist/t10k-images-idx3-ubyte.gz"
    let outcome = try convert(test, folder, ["--evaluate-on", Self.hdf5])
    #expect(outcome.status == 0)
    let warning = "\(Self.hdf5): 100 of the 100 test images are also training images; accuracy on them says little"
    #expect(outcome.errors.contains("warning: \(warning)\n"))
  }

  @Test func aLimitIsTheSeedsChoice() throws {
    let folder = try TemporaryFolder()
    let bytes = try ["1", "1", "2"].map { seed in
      let outcome = try convert(
        "fixtures/fashion-mnist", folder, ["--limit", "100", "--seed", seed, "--evaluate-on", Self.hdf5])
      #expect(outcome.status == 0 && outcome.errors.contains("fine-tuning: 95 images, 5 set aside"))
      return try Data(contentsOf: URL(fileURLWithPath: folder.path("o.signum")))
    }
    #expect(bytes[0] == bytes[1] && bytes[0] != bytes[2])
    #expect(String(decoding: bytes[0].prefix(20_000), as: UTF8.self).contains("limit"))
  }
}

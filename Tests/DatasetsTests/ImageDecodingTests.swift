import Archives
@testable import Datasets
import Tensors
import Testing

struct ImageDecodingTests {
  @Test(arguments: ImageFixtures.names("decoded/"))
  func decodesAsPillow(_ key: String) throws {
    let name = String(key.dropFirst("decoded/".count))
    let (dimensions, expected) = try ImageFixtures.expected(key)
    let size = try ImagePreparation.size(of: ImageFixtures.path(name)).get()
    #expect([size.height, size.width, size.channels] == dimensions)
    let difference = try ImageFixtures.largestDifference(ImageFixtures.pixels(name), expected)
    // Releases of libjpeg-turbo round colours differently; a PNG is what it is.
    #expect(difference <= (name.hasSuffix("g.png") || name.hasSuffix(".png") ? 0 : 2))
  }

  @Test(arguments: ImageFixtures.names("prepared/"))
  func reducesAndCutsAsTorchvision(_ key: String) throws {
    let parts = key.split(separator: "/")
    let numbers = parts.compactMap { Int($0) }
    var request = DatasetRequest(.train)
    request.imageShape = [numbers[3], numbers[1], numbers[2]]
    request.resize = numbers[0]
    let name = String(parts[1])
    let preparation = try ImagePreparation(
      request, first: ImagePreparation.size(of: ImageFixtures.path(name)).get(), path: name)
    let difference = try ImageFixtures.largestDifference(
      ImageFixtures.pixels(name, preparation), ImageFixtures.expected(key).numbers)
    #expect(difference <= (name.hasSuffix(".jpg") ? 2 : 0))
  }

  @Test func theLeastSizeThatCoversIsTaken() throws {
    func resized(_ wanted: Shape, _ image: ImageSize) throws -> [Int] {
      var request = DatasetRequest(.train)
      request.imageShape = wanted
      let size = try #require(try ImagePreparation(request, first: image, path: "x").resized(image))
      return [size.width, size.height]
    }
    #expect(try resized([3, 224, 224], ImageSize(channels: 3, height: 300, width: 500)) == [373, 224])
    #expect(try resized([3, 224, 224], ImageSize(channels: 3, height: 500, width: 300)) == [224, 373])
    #expect(try resized([3, 32, 32], ImageSize(channels: 3, height: 32, width: 32)) == [32, 32])
    #expect(try resized([1, 10, 20], ImageSize(channels: 1, height: 100, width: 100)) == [20, 20])
    #expect(try resized([1, 20, 10], ImageSize(channels: 1, height: 100, width: 100)) == [20, 20])
    #expect(try resized([1, 10, 20], ImageSize(channels: 1, height: 10, width: 100)) == [100, 10])
  }

  @Test func networksOfFeaturesTakeImagesOfTheirSize() throws {
    var request = DatasetRequest(.train)
    request.imageShape = [3 * 30 * 41]
    let size = ImageSize(channels: 1, height: 30, width: 41)
    #expect(try ImagePreparation(request, first: size, path: "x").imageShape == [3, 30, 41])
    request.imageShape = [30 * 41]
    #expect(try ImagePreparation(request, first: size, path: "x").imageShape == [1, 30, 41])
  }

  @Test func whatNoNetworkOfImagesTakesIsRefused() {
    let size = ImageSize(channels: 3, height: 8, width: 8)
    var request = DatasetRequest(.train)
    request.imageShape = [4, 8, 8]
    #expect(
      failure { () throws(DatasetError) in try ImagePreparation(request, first: size, path: "x") }
        == .imagesDoNotFit("x", [3, 8, 8], wanted: [4, 8, 8]))
    (request.imageShape, request.resize) = ([3, 8, 8], 7)
    #expect(
      failure { () throws(DatasetError) in try ImagePreparation(request, first: size, path: "x") }
        == .resize("x", 7, wanted: [8, 8]))
  }

  @Test func longAndThinImagesAreRefused() throws {
    var request = DatasetRequest(.train)
    request.imageShape = [3, 224, 224]
    let thin = ImageSize(channels: 3, height: 1, width: 1 << 20)
    #expect(try ImagePreparation(request, first: thin, path: "x").resized(thin) == nil)
  }
}

/// Files that are not what they say: an error for each, whatever their bytes are.
struct HostileImageTests {
  static let names = [
    "colour.jpg", "progressive.jpg", "full.jpeg", "inks.jpg", "colour.png", "interlaced.png", "palette.png",
  ]

  private func reason(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> String? {
    let path = try folder.write("image", bytes)
    if case .failure(let problem) = ImagePreparation.size(of: path) { return problem.reason }
    return nil
  }

  @Test(arguments: names)
  func cutImagesAreRefused(_ name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try FileBytes.read(ImageFixtures.path(name))
    #expect(try reason(bytes, folder) == nil)
    // The end of the image itself is one marker or chunk before the end of the file.
    for length in stride(from: 0, to: bytes.count - 12, by: max(1, bytes.count / 60)) {
      #expect(try reason(Array(bytes[..<length]), folder) != nil, "\(length) of \(bytes.count) bytes")
    }
  }

  @Test(arguments: names)
  func flippedBytesNeverHarm(_ name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = try FileBytes.read(ImageFixtures.path(name))
    var generator = SplitMix64(seed: UInt64(bytes.count))
    var refused = 0
    for _ in 0..<120 {
      var copy = bytes
      for _ in 0...generator.below(4) { copy[generator.below(copy.count)] = UInt8(generator.below(256)) }
      refused += try reason(copy, folder) == nil ? 0 : 1
    }
    // A flipped coefficient of a JPEG is just another image; every byte of a PNG is in a checksum.
    #expect(refused > (name.hasSuffix(".png") ? 100 : 8))
  }

  @Test func whatIsNoImageSaysSo() throws {
    let folder = try TemporaryFolder()
    #expect(try reason([], folder) == "is empty")
    #expect(try reason(Array("GIF89a".utf8), folder) == "is neither a JPEG nor a PNG")
    #expect(try reason([0xFF, 0xD8, 0xFF], folder)?.hasPrefix("is damaged: ") == true)
    #expect(
      ImagePreparation.size(of: folder.path + "/none")
        == .failure(
          UnreadableImage(path: folder.path + "/none", reason: "no such file or folder")))
  }

  /// A header of a few bytes that promises 4 · 10⁹ pixels.
  @Test func pixelBombsAreRefusedBeforeMemoryIsTaken() throws {
    let folder = try TemporaryFolder()
    var png = try FileBytes.read(ImageFixtures.path("colour.png"))
    png.replaceSubrange(16..<24, with: [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF])
    png.replaceSubrange(29..<33, with: ZipArchive.checksum(Array(png[12..<29])).bigEndianBytes)
    #expect(try reason(png, folder) == "has 65535 x 65535 pixels, more than the 134217728 that are read")
    var jpeg = try FileBytes.read(ImageFixtures.path("colour.jpg"))
    let frame = try #require(jpeg.indices.first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
    #expect(try reason(jpeg, folder) == "has 65500 x 65500 pixels, more than the 134217728 that are read")
  }
}

extension UInt32 {
  fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

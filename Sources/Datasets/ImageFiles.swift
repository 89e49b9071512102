import Foundation
import Synchronization
import Tensors

/// Images in files of their own, decoded whenever they are shown: for what is too much to keep in memory.
///
/// Every file has been decoded once when this was opened; a file that is changed afterwards so that it cannot be read
/// ends the program.
struct ImageFiles: Dataset {
  let name: String
  let labels: [Int32]?
  let classCount: Int?
  let fingerprints: [UInt64]
  private let paths: [String]
  private let preparation: ImagePreparation

  var count: Int { paths.count }
  var imageShape: Shape { preparation.imageShape }
  var largestPixel: Float? { 255 }
  var loaderThreads: Int { ProcessInfo.processInfo.activeProcessorCount }

  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(target.count == preparation.size, "an image has \(preparation.size) numbers")
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: preparation.size) { bytes in
      if let problem = preparation.write(paths[index], into: bytes.baseAddress!) {
        // Every image was decoded when the data were opened. Going on without one would train on other data than the
        // recipe says, and copying an image cannot throw; the last checkpoint stays.
        fatalError("\(paths[index]): could be read when the program began, and now: \(problem)")
      }
      Window(imageShape, placement).copy(bytes.baseAddress!, with: pixels, to: target.baseAddress!)
    }
  }
}

extension ImageFiles {
  /// Decodes all images once, on all processors, and keeps them in memory where `request.cachedBytes` suffices.
  ///
  /// They stand in an order drawn once for all, so that the first and the last ones are of all classes. Which images
  /// are left out is the same however busy the processors are.
  static func open(
    _ files: [(path: String, label: Int32?)], classCount: Int?, name: String, _ request: DatasetRequest
  ) throws(DatasetError) -> any Dataset {
    var generator = SplitMix64(seed: 0, stream: 0x6669_6C65_73)
    let ordered = generator.permutation(files.count).map { files[$0] }
    // What is not asked for need not be decoded.
    let files = request.chosen(among: ordered.count).map { $0.map { ordered[$0] } } ?? ordered
    let preparation = try preparation(for: files.map(\.path), name: name, request)
    let keepsAll = files.count <= request.cachedBytes / preparation.size
    let decoded = Decoding(files.map(\.path), preparation, keepsPixels: keepsAll)
    let failed = decoded.problems.enumerated().filter { $0.element != nil }
    let unreadable = failed.map { UnreadableImage(path: files[$0.offset].path, reason: $0.element!) }
    guard unreadable.isEmpty || !request.isStrict && unreadable.count < files.count else {
      throw .unreadableImages(name, unreadable.sorted { $0.path < $1.path })
    }
    if !unreadable.isEmpty { warn(of: unreadable, among: files.count, name, request) }
    let kept = files.indices.filter { decoded.problems[$0] == nil }
    let labels = classCount == nil ? nil : kept.map { files[$0].label! }
    if keepsAll {
      return ImageArray(
        name: name, imageShape: preparation.imageShape, pixels: .bytes(decoded.pixels), labels: labels,
        classCount: classCount)
    }
    return ImageFiles(
      name: name, labels: labels, classCount: classCount, fingerprints: decoded.fingerprints,
      paths: kept.map { files[$0].path }, preparation: preparation)
  }

  /// What the first image that can be read says about the rest, where the network does not say all.
  private static func preparation(
    for paths: [String], name: String, _ request: DatasetRequest
  ) throws(DatasetError) -> ImagePreparation {
    var unreadable: [UnreadableImage] = []
    for path in paths {
      switch ImagePreparation.size(of: path) {
      case .success(let size): return try ImagePreparation(request, first: size, path: name)
      case .failure(let problem): unreadable.append(problem)
      }
    }
    throw unreadable.isEmpty
      ? .empty(name) : .unreadableImages(name, unreadable.sorted { $0.path < $1.path })
  }

  private static func warn(
    of unreadable: [UnreadableImage], among count: Int, _ name: String, _ request: DatasetRequest
  ) {
    let shown = 20
    let sorted = unreadable.sorted { $0.path < $1.path }
    request.warn("\(name): \(unreadable.count) of \(count) images cannot be read and are left out")
    for image in sorted.prefix(shown) { request.warn("\(image)") }
    if sorted.count > shown { request.warn("\(name): and \(sorted.count - shown) more") }
  }
}

/// All images of a folder, decoded once.
private struct Decoding {
  /// What is wrong with each image, nil where it is well.
  let problems: [String?]
  /// Of the images that are well, one after the other: their pixels where those are kept, else their fingerprints.
  let pixels: [UInt8]
  let fingerprints: [UInt64]

  /// Each image has its own place in the results, so that nothing depends on who comes first.
  init(_ paths: [String], _ preparation: ImagePreparation, keepsPixels: Bool) {
    let size = preparation.size
    var problems = [String?](repeating: nil, count: paths.count)
    if keepsPixels {
      fingerprints = []
      pixels = [UInt8](unsafeUninitializedCapacity: paths.count * size) { target, filled in
        nonisolated(unsafe) let images = target.baseAddress
        problems = Self.each(paths) { index in preparation.write(paths[index], into: images! + index * size) }
        let kept = paths.indices.filter { problems[$0] == nil }
        for (place, index) in kept.enumerated() where place != index {
          (images! + place * size).update(from: images! + index * size, count: size)
        }
        filled = kept.count * size
      }
    } else {
      pixels = []
      let prints = Mutex([UInt64](repeating: 0, count: paths.count))
      problems = Self.each(paths) { index in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { image in
          let problem = preparation.write(paths[index], into: image.baseAddress!)
          guard problem == nil else { return problem }
          let print = pixelFingerprint(of: preparation.imageShape) { target, pixels in
            Window(preparation.imageShape, .identity).copy(
              image.baseAddress!, with: pixels, to: target.baseAddress!)
          }
          prints.withLock { $0[index] = print }
          return nil
        }
      }
      fingerprints = prints.withLock { all in paths.indices.filter { problems[$0] == nil }.map { all[$0] } }
    }
    self.problems = problems
  }

  /// Does something with every image, on all processors; what is wrong with each.
  private static func each(_ paths: [String], _ work: @Sendable (Int) -> String?) -> [String?] {
    let problems = Mutex([String?](repeating: nil, count: paths.count))
    DispatchQueue.concurrentPerform(iterations: paths.count) { index in
      guard let problem = work(index) else { return }
      problems.withLock { $0[index] = problem }
    }
    return problems.withLock { $0 }
  }
}

import Foundation
import Tensors

/// The part of a dataset that is wanted.
package enum Split: String, Hashable, Sendable, CaseIterable {
  case train
  case test
}

/// What is wanted of a dataset when it is opened.
package struct DatasetRequest {
  package var split: Split
  /// How many images at most; nil takes all.
  package var limit: Int?
  /// Which images those are: drawn by a seed, in their order; nil takes the first ones.
  package var limitSeed: UInt64?
  /// What the network takes of each image, `[channels, height, width]` or `[features]`: images in files of their own
  /// are brought to it. Nil leaves them as they are.
  package var imageShape: Shape?
  /// To how many pixels the shorter side of such an image is brought before its middle is cut out; nil takes the least
  /// that covers the network's input.
  package var resize: Int?
  /// Whether an image that cannot be read refuses the whole dataset. Otherwise it is left out, and `warn` hears of it.
  package var isStrict = false
  /// The most bytes of decoded images that are kept in memory; beyond, each is decoded whenever it is shown. 4 GB, but
  /// at most a quarter of what the machine has.
  package var cachedBytes = min(4 << 30, Int(clamping: ProcessInfo.processInfo.physicalMemory / 4))
  package var warn: (String) -> Void = { _ in }

  package init(_ split: Split) { self.split = split }

  /// Which of so many images are taken; nil where all are.
  func chosen(among count: Int) -> [Int]? {
    guard let limit, limit < count else { return nil }
    guard let limitSeed else { return Array(0..<limit) }
    var generator = SplitMix64(seed: limitSeed, stream: 0x6C69_6D69_74)
    return generator.permutation(count)[..<limit].sorted()
  }
}

/// Knows the files of one kind of dataset.
///
/// A reader is one file and one line in `datasetReaders`.
package protocol DatasetReader: Sendable {
  /// A word for the command line.
  static var name: String { get }
  /// A line for a list.
  static var summary: String { get }
  /// The names of the files of a part, as they are told to who looks for them.
  static func fileNames(_ split: Split) -> [String]

  /// Whether a file of this name is of this kind.
  static func accepts(fileName: String) -> Bool
  /// Which files of a folder are the part that is wanted; empty where there are none.
  ///
  /// - Parameter names: those files of the folder that are accepted, sorted.
  static func select(_ names: [String], split: Split) -> [String]
  /// Opens what a folder holds of this kind; nil where that is nothing.
  ///
  /// - Parameter names: everything that is in the folder, sorted.
  static func openFolder(
    _ path: String, names: [String], _ request: DatasetRequest
  ) throws(DatasetError) -> (any Dataset)?
  /// Reads the files of one dataset.
  static func read(_ paths: [String], _ request: DatasetRequest) throws(DatasetError) -> any Dataset
}

extension DatasetReader {
  package static func openFolder(
    _ path: String, names: [String], _ request: DatasetRequest
  ) throws(DatasetError) -> (any Dataset)? {
    let chosen = select(names.filter { accepts(fileName: $0) }, split: request.split)
    return chosen.isEmpty ? nil : try read(chosen.map { DatasetFinder.join(path, $0) }, request)
  }
}

/// Every kind of dataset that can be read; in a folder the first that finds its files wins.
package let datasetReaders: [any DatasetReader.Type] = [
  CIFARReader.self,
  IDXReader.self,
  NumPyReader.self,
  HDF5Reader.self,
  ImageFolderReader.self,
]

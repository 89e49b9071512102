/// The part of a dataset that is wanted.
package enum Split: String, Hashable, Sendable, CaseIterable {
  case train
  case test
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
  /// Reads the files of one dataset.
  ///
  /// - Parameter split: what to take where one file holds both parts.
  static func read(_ paths: [String], split: Split) throws(DatasetError) -> any Dataset
}

/// Every kind of dataset that can be read; in a folder the first that finds its files wins.
package let datasetReaders: [any DatasetReader.Type] = [
  CIFAR10Reader.self,
  IDXReader.self,
  NumPyReader.self,
]

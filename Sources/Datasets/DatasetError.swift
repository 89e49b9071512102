import Archives

/// What is wrong with a dataset or an array file, and what to do about it. The first fact is always the place.
package enum DatasetError: Error, Hashable, Sendable {
  case missing(String)
  case noPermission(String)
  case isFolder(String)
  case notRegularFile(String)
  case cannotRead(String, reason: String)
  case cannotWrite(String, reason: String)

  case nothingKnown(String, lookedFor: [String])
  case unknownFile(String, lookedFor: [String])
  case stillPacked(String, unpack: String)
  case noPart(String, split: Split, lookedFor: [String])
  case ambiguous(String, candidates: [String])

  case truncated(String, expected: Int, found: Int)
  case tooLong(String, expected: Int, found: Int)
  case partialRecord(String, bytes: Int, record: Int)
  case empty(String)
  case badHeader(String, String)
  case tooLarge(String, dimensions: [Int])
  case damaged(String, String)
  case unsupported(String, String)
  case missingArray(String, lookedFor: [String], found: [String])

  case imageShape(String, [Int])
  case labelShape(String, [Int])
  case countsDiffer(String, images: Int, labelsPath: String, labels: Int)
  case labelNotInteger(String, index: Int, value: String)
  case labelOutOfRange(String, index: Int, label: Int, classCount: Int)
  case noLabels(String)
  case unreadableImages(String, [UnreadableImage])
  case looseImages(String, example: String)
  case unknownClasses(String, [String], training: String)
  case resize(String, Int, wanted: [Int])
  case imagesDoNotFit(String, [Int], wanted: [Int])
  case normalization(String, String)
  case augmentation(String, String)
}

extension DatasetError {
  init(_ error: ArchiveError) {
    self =
      switch error {
      case .damaged(let path, let problem): .damaged(path, problem)
      case .truncated(let path, let expected, let found): .truncated(path, expected: expected, found: found)
      case .unsupported(let path, let problem): .unsupported(path, problem)
      }
  }
}

extension DatasetError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing(let path): "\(path): no such file or folder"
    case .noPermission(let path): "\(path): permission to read it is denied"
    case .isFolder(let path): "\(path): is a folder, a file is wanted"
    case .notRegularFile(let path): "\(path): is neither a regular file nor a folder"
    case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason)"
    default: findingDescription ?? contentDescription ?? imageDescription
    }
  }

  /// Which files there are.
  private var findingDescription: String? {
    switch self {
    case .nothingKnown(let path, let lookedFor):
      "\(path): holds no dataset that is known; looked for \(listed(lookedFor))"
    case .unknownFile(let path, let lookedFor):
      "\(path): no dataset reader takes a file of this name; give a folder, or one of \(listed(lookedFor))"
    case .stillPacked(let path, let unpack): "\(path): is packed; unpack it first: \(unpack)"
    case .noPart(let path, let split, let lookedFor):
      "\(path): holds no \(split.rawValue) part; looked for \(listed(lookedFor)); " + Self.wayOut(of: path)
    case .ambiguous(let path, let candidates):
      "\(path): holds more than one dataset: \(listed(candidates)); give the path of one of them"
    default: nil
    }
  }

  /// How to have what a folder or file does not offer.
  private static func wayOut(of path: String) -> String {
    if path.hasSuffix(".npz") { return "name its arrays so, or give the path of a .npy file" }
    if path.hasSuffix(".h5") || path.hasSuffix(".hdf5") {
      return "to use arrays whatever their names, give \(path):/images,/labels"
    }
    return "to use a file whatever its name, give its own path"
  }

  /// What is in a file.
  private var contentDescription: String? {
    switch self {
    case .truncated(let path, let expected, let found):
      "\(path): is cut off: \(expected) bytes expected, \(found) found; fetch it again"
    case .tooLong(let path, let expected, let found):
      "\(path): \(found) bytes where its header speaks of \(expected); fetch it again, or write it anew"
    case .partialRecord(let path, let bytes, let record):
      "\(path): \(bytes) bytes are no whole number of \(record)-byte records; "
        + "CIFAR's binary files have as many an image: is this the binary version, and complete?"
    case .empty(let path): "\(path): holds no image"
    case .badHeader(let path, let what): "\(path): \(what)"
    case .tooLarge(let path, let dimensions): "\(path): dimensions \(dimensions) are more than can be read"
    case .damaged(let path, let what): "\(path): is damaged: \(what); fetch it again, or write it anew"
    case .unsupported(let path, let what): "\(path): \(what)"
    case .missingArray(let path, let lookedFor, let found):
      "\(path): has no array of the name \(listed(lookedFor)); it has \(found.isEmpty ? "none" : listed(found))"
    default: nil
    }
  }

  /// What the images and labels say.
  private var imageDescription: String {
    switch self {
    case .imageShape(let path, let dimensions):
      "\(path): images of shape \(dimensions); [count, height, width], [count, channels, height, width], "
        + "[count, height, width, channels] or [count, features] is wanted, none of them 0"
    case .labelShape(let path, let dimensions):
      "\(path): labels of shape \(dimensions); [count] or [count, 1] is wanted, "
        + "for one-hot rows write their argmax"
    case .countsDiffer(let path, let images, let labelsPath, let labels):
      "\(path): \(images) images, but \(labelsPath) has \(labels) labels; both must come from the same part"
    case .labelNotInteger(let path, let index, let value):
      "\(path): the label of image \(index) is \(value); a whole number that fits 32 bits is wanted"
    case .labelOutOfRange(let path, let index, let label, let classCount):
      "\(path): the label of image \(index) is \(label), but the classes are 0 to \(classCount - 1)"
    case .noLabels(let path): "\(path): has no labels, which are needed here"
    case .unreadableImages(_, let images):
      images.map(\.description).joined(separator: "\n")
    case .looseImages(let path, let example):
      "\(path): has images beside its folders of classes, such as \(example); move them into a folder, or away"
    case .unknownClasses(let path, let classes, let training):
      "\(path): has the classes \(listed(classes)), which \(training) has not; both parts must have the same classes"
    case .resize(let path, let size, let wanted):
      "\(path): images of which the shorter side has \(size) pixels do not cover the \(wanted) that the network takes"
    case .imagesDoNotFit(let path, let dimensions, let wanted):
      "\(path): images are \(dimensions), but the network takes \(wanted)"
    case .normalization(let path, let what): "\(path): its normalisation has \(what)"
    case .augmentation(let path, let what): "\(path): cannot be augmented: \(what)"
    default: "unknown"
    }
  }

  private func listed(_ items: [String]) -> String { items.joined(separator: ", ") }
}

/// An image of a folder that cannot be used, and why.
package struct UnreadableImage: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String
  package let reason: String
  package var description: String { "\(path): \(reason)" }
}

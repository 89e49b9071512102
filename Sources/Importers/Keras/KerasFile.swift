import Foundation

/// The names in a `.keras` archive.
enum KerasArchive {
  static let weights = "model.weights.h5"
  static let architecture = "config.json"
  static let about = "metadata.json"

  /// Whether it is a ZIP archive. By its first bytes, since Keras 2.12 wrote HDF5 files of this name; a file that
  /// begins with neither is judged by its name.
  static func isArchive(_ path: String) throws(ImportError.Problem) -> Bool {
    let file = try MappedFile(path)
    if file.begins(with: [0x89, 0x48, 0x44, 0x46]) { return false }
    return file.begins(with: [0x50, 0x4B, 0x03, 0x04]) || path.lowercased().hasSuffix(".keras")
  }
}

/// The files that make up a Keras model: its architecture, and its weights in one file or in several.
struct KerasFile {
  let architecture: JSONValue
  let store: KerasStore
  /// Files beside the one that was named, which hold a part of the model.
  let companions: [String]
  /// What the files say of who wrote them.
  private let metadata: JSONValue

  private static let longestText = 256 << 20

  /// Throws where the weights or the architecture are not there, with the names under which they were looked for.
  init(_ path: String, opening: HDF5Opening) throws {
    if (path as NSString).pathExtension.lowercased() == "json" {
      try self.init(json: path, opening)
    } else if try KerasArchive.isArchive(path) {
      try self.init(archive: path, opening)
    } else {
      try self.init(hdf5: path, opening)
    }
  }

  private init(archive path: String, _ opening: HDF5Opening) throws {
    let archive = try ArchiveFile(MappedFile(path), path: path)
    architecture = try JSONReader.read(archive.bytes(of: KerasArchive.architecture, limit: Self.longestText))
    metadata =
      archive.contains(KerasArchive.about)
      ? try JSONReader.read(archive.bytes(of: KerasArchive.about, limit: Self.longestText)) : .null
    companions = []
    if archive.contains(KerasArchive.weights) {
      store = try KerasStore([opening(HDF5Place(path, member: KerasArchive.weights))])
    } else if archive.contains("model.weights.json") {
      let shards = try Self.shards(JSONReader.read(archive.bytes(of: "model.weights.json", limit: Self.longestText)))
      store = try KerasStore(shards.map { try opening(HDF5Place(path, member: $0)) })
    } else {
      throw ImportError.Problem.model(
        "holds no '\(KerasArchive.weights)'; it holds \(archive.names.prefix(10).joined(separator: ", "))")
    }
  }

  private init(hdf5 path: String, _ opening: HDF5Opening) throws {
    store = try KerasStore([opening(HDF5Place(path))])
    if let text = store.attributes["model_config"]?.first {
      architecture = try JSONReader.read(Array(text.utf8))
      (companions, metadata) = ([], .null)
      return
    }
    guard let beside = Self.architecture(beside: path) else {
      throw ImportError.Problem.noNetwork(
        "holds tensors and no network: put the architecture that model.to_json() writes beside it, as "
          + Self.names(beside: path).prefix(2).map { "'\(ImportError.name(of: $0))'" }.joined(separator: " or "))
    }
    (architecture, companions, metadata) = (try Self.text(beside), [beside], .null)
  }

  /// Weights in several files, which this one names; or an architecture with the weights beside it.
  private init(json path: String, _ opening: HDF5Opening) throws {
    let content = try Self.text(path)
    if content["weight_map"] != nil {
      let shards = try Self.shards(content, in: ModelFolder(of: path))
      store = try KerasStore(shards.map { try opening(HDF5Place($0)) })
      guard let beside = Self.architecture(beside: path) else {
        throw ImportError.Problem.noNetwork(
          "names tensors and no network: put the architecture that model.to_json() writes beside it, as "
            + Self.names(beside: path).prefix(2).map { "'\(ImportError.name(of: $0))'" }.joined(separator: " or "))
      }
      (architecture, companions) = (try Self.text(beside), shards + [beside])
    } else {
      let stem = Self.stem(of: path)
      let candidates = ["\(stem).weights.h5", "\(stem)_weights.h5", "\(stem).h5", "\(stem).hdf5"]
      guard let weights = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
        let names = candidates.map { "'\(ImportError.name(of: $0))'" }.joined(separator: ", ")
        throw ImportError.Problem.model("has no weights beside it; looked for \(names)")
      }
      store = try KerasStore([opening(HDF5Place(weights))])
      (architecture, companions) = (content, [weights])
    }
    metadata = .null
  }

  private static func text(_ path: String) throws -> JSONValue {
    do {
      let file = try MappedFile(path)
      guard file.bytes.count <= longestText else { throw ImportError.Problem.tooMany("bytes", limit: longestText) }
      return try JSONReader.read(file.copied())
    } catch let problem as ImportError.Problem {
      throw ImportError(path, problem)
    }
  }

  /// The files of `weight_map` beside the one that names them. Throws where a link leads to another folder.
  private static func shards(_ map: JSONValue, in folder: ModelFolder) throws(ImportError.Problem) -> [String] {
    let names = try shards(map)
    if let name = names.first(where: { !folder.holds($0) }) {
      throw .model(
        "'weight_map' names the file '\(name)', which leads to another folder: put the file itself in its place")
    }
    return names.map(folder.place)
  }

  /// The names of `weight_map`. Throws where a name is that of another folder.
  private static func shards(_ map: JSONValue) throws(ImportError.Problem) -> [String] {
    var names: [String] = []
    var seen: Set<String> = []
    for (_, value) in (map["weight_map"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      for name in value.array?.map({ $0.string ?? "" }) ?? [value.string ?? ""] {
        guard !name.isEmpty, !name.contains("/"), !name.contains("\\"), name != ".." else {
          throw .model("'weight_map' names the file '\(name)', which is no file beside it")
        }
        if seen.insert(name).inserted { names.append(name) }
      }
    }
    guard !names.isEmpty else { throw .model("'weight_map' names no files") }
    // Each is read by a process of its own, and all at once.
    guard names.count <= 64 else { throw .tooMany("files in 'weight_map'", limit: 64) }
    return names.sorted()
  }

  /// The name without what says that it holds weights, or the architecture.
  private static func stem(of path: String) -> String {
    var stem = (path as NSString).deletingPathExtension
    for ending in [".weights", "_weights", "-weights", "_arch", "_architecture", "_config", ".config", "_model"]
    where stem.hasSuffix(ending) {
      stem.removeLast(ending.count)
      break
    }
    return stem
  }

  private static func names(beside path: String) -> [String] {
    let stem = stem(of: path)
    return ["", "_arch", "_architecture", "_config", ".config", "_model"].map { "\(stem)\($0).json" }.filter {
      $0 != path
    }
  }

  private static func architecture(beside path: String) -> String? {
    names(beside: path).first { FileManager.default.fileExists(atPath: $0) }
  }
}

// MARK: - Who wrote it

extension KerasFile {
  /// The first number of the Keras version: as the files say it, or by how the architecture is written.
  var version: Int {
    let words = [
      store.attributes["keras_version"]?.first, metadata["keras_version"]?.string,
      architecture["keras_version"]?.string,
    ].compactMap { $0 }
    if let number = words.first.flatMap({ Int($0.prefix { $0 != "." }) }) { return number }
    var keys: Set<String> = []
    architecture.collectKeys(into: &keys)
    if keys.contains("batch_shape") || keys.contains("kwargs") || keys.contains("build_config") { return 3 }
    return keys.contains("border_mode") || keys.contains("dim_ordering") || keys.contains("W_regularizer") ? 1 : 2
  }

  /// What computed the model: `tensorflow`, `theano`, …; empty where the files do not say it.
  var backend: String { store.attributes["backend"]?.first ?? architecture["backend"]?.string ?? "" }

  /// Whether any of the layers says that the channels come first.
  var hasChannelsFirst: Bool { architecture.containsChannelsFirst }
}

extension JSONValue {
  fileprivate func collectKeys(into keys: inout Set<String>) {
    switch self {
    case .object(let members):
      keys.formUnion(members.keys)
      for value in members.values { value.collectKeys(into: &keys) }
    case .array(let values): for value in values { value.collectKeys(into: &keys) }
    default: break
    }
  }

  fileprivate var containsChannelsFirst: Bool {
    switch self {
    case .object(let members):
      members["data_format"] == .string("channels_first") || members["dim_ordering"] == .string("th")
        || members.values.contains(where: \.containsChannelsFirst)
    case .array(let values): values.contains(where: \.containsChannelsFirst)
    default: false
    }
  }
}

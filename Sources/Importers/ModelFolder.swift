import Foundation

/// The folder that a model lies in, with the files beside it that hold a part of it.
struct ModelFolder {
  private let path: String
  private let folder: String

  init(of path: String) {
    self.path = path
    folder = (path as NSString).deletingLastPathComponent
  }

  /// Where the file of that name beside the model is.
  func place(of name: String) -> String { (folder as NSString).appendingPathComponent(name) }

  /// Whether a file is in the model's folder once all links are followed, or in that of the file that the model itself
  /// is a link to: caches keep models and their data as links into one folder. What is not there is judged later.
  func holds(_ name: String) -> Bool {
    guard let found = Self.followed(place(of: name)) else { return true }
    let own = [Self.followed(folder.isEmpty ? "." : folder)] + [Self.followed(path).map(Self.folder)]
    return own.contains { folder in folder.map { found == $0 || found.hasPrefix($0 == "/" ? $0 : $0 + "/") } ?? false }
  }

  private static func folder(of path: String) -> String { (path as NSString).deletingLastPathComponent }

  private static func followed(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

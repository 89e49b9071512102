import Foundation

/// Why a file could not become a graph: everything that is wrong with it, not only what was met first.
package struct ImportError: Error, Hashable, Sendable {
  /// A fact about a file.
  package enum Problem: Error, Hashable, Sendable {
    case noSuchFile(path: String)
    case notAFile
    case unreadable(reason: String)
    case empty
    case unknownExtension(String, known: [String])
    case text
    case largeFilePointer
    /// The bytes are not of the format; where, and in which way.
    case malformed(String, offset: Int)
    case cutShort(offset: Int, wanted: UInt64, left: Int)
    /// The file is not what it should be, in words.
    case damaged(String)
    case tooDeep(limit: Int)
    case tooMany(String, limit: Int)
    /// Something about the model as a whole.
    case model(String)
    /// The file holds tensors, and nothing says what is computed with them.
    case noNetwork(String)
    /// Something about an input, an output or a constant.
    case value(String, name: String, problem: String)
    case node(name: String, operation: String, problem: String)
    /// A node needs numbers while importing that are computed from these inputs of the model.
    case computed(name: String, operation: String, input: String, index: Int, sources: [String])
    /// An operator that no handler knows, with the nodes that use it.
    case unsupported(operation: String, nodes: [String])
    /// A class of Keras layers that no handler knows, with the layers of it.
    case unsupportedLayer(type: String, layers: [String])
  }

  /// The file's name, for the beginning of every message.
  package let file: String
  package let problems: [Problem]

  package init(_ path: String, _ problems: [Problem]) {
    file = ImportError.name(of: path)
    self.problems = problems
  }

  static func name(of path: String) -> String { (path as NSString).lastPathComponent }

  package init(_ path: String, _ problem: Problem) { self.init(path, [problem]) }

  /// Whatever kept a file from being read; what names a file already stays as it is.
  init(_ path: String, explaining error: any Error) {
    switch error {
    case let error as ImportError: self = error
    case let problem as Problem: self.init(path, problem)
    default: self.init(path, .unreadable(reason: "\(error)"))
    }
  }

  /// The inputs of the model whose numbers would have to be known while importing.
  package var inputsToKnow: Set<String> {
    problems.reduce(into: []) { names, problem in
      if case .computed(_, _, _, _, let sources) = problem { names.formUnion(sources) }
    }
  }

  /// The operators that are missing, in the order of the file.
  package var unsupportedOperators: [String] {
    problems.compactMap { if case .unsupported(let operation, _) = $0 { operation } else { nil } }
  }
}

extension ImportError: CustomStringConvertible {
  /// A line a problem, each with its place first; then what to do where operators are missing.
  package var description: String {
    var lines = problems.prefix(Self.shown).map { "\(file): \(Self.printable("\($0)"))" }
    if problems.count > Self.shown { lines.append("\(file): and \(problems.count - Self.shown) problems more") }
    if !unsupportedOperators.isEmpty {
      let names = ONNXOperators.names.filter { !ONNXOperators.literalOnly.contains($0) }.joined(separator: ", ")
      let literalOnly = ONNXOperators.literalOnly.sorted().joined(separator: ", ")
      lines.append("\(file): supported operators are \(names), and of constants \(literalOnly); ")
      lines[lines.count - 1] += "export the model without the others, or cut it before them"
    }
    if problems.contains(where: { if case .unsupportedLayer = $0 { true } else { false } }) {
      lines.append("\(file): supported layers are \(KerasLayers.names.joined(separator: ", ")); ")
      lines[lines.count - 1] += "build the model of these, or cut it before the others"
    }
    return lines.joined(separator: "\n")
  }

  private static let shown = 50
  private static let longestLine = 2000

  /// Names in a file may hold anything; nothing of it shall steer a terminal.
  private static func printable(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(longestLine)
    let kept = String(
      String.UnicodeScalarView(scalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    return scalars.endIndex == text.unicodeScalars.endIndex ? kept : kept + "…"
  }
}

extension ImportError.Problem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noSuchFile(let path): "no such file: \(path)"
    case .notAFile: "is not a regular file"
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .empty: "is empty"
    case .unknownExtension(let found, let known):
      (found.isEmpty ? "has no file extension" : "has the unknown file extension '\(found)'")
        + "; known are \(known.joined(separator: ", "))"
    case .text: "is a text file, not a model"
    case .largeFilePointer: "is a Git LFS pointer, not the model; fetch the model with 'git lfs pull'"
    case .malformed(let problem, let offset): "is not an ONNX model: \(problem) at byte \(offset)"
    case .cutShort(let offset, let wanted, let left):
      "is damaged or cut short: the field at byte \(offset) is \(wanted) bytes long, \(left) are left"
    case .damaged(let problem): "is damaged: \(problem)"
    case .tooDeep(let limit): "is nested deeper than \(limit) levels"
    case .tooMany(let things, let limit): "has more than \(limit) \(things)"
    case .model(let problem), .noNetwork(let problem): problem
    case .value(let kind, let name, let problem): "\(kind) '\(name)': \(problem)"
    case .node(let name, let operation, let problem): "node '\(name)' (\(operation)): \(problem)"
    case .computed(let name, let operation, let input, let index, let sources):
      "node '\(name)' (\(operation)): input \(index) ('\(input)') must be a constant"
        + (sources.isEmpty ? "" : ", but is computed from \(sources.map { "'\($0)'" }.joined(separator: ", "))")
    case .unsupported(let operation, let nodes):
      nodes.count == 1
        ? "node '\(nodes[0])' (\(operation)): this operator is not supported"
        : "\(nodes.count) nodes (\(operation)): this operator is not supported: \(Self.listed(nodes))"
    case .unsupportedLayer(let type, let layers):
      layers.count == 1
        ? "layer '\(layers[0])' (\(type)): this layer is not supported"
        : "\(layers.count) layers (\(type)): this layer is not supported: \(Self.listed(layers))"
    }
  }

  private static func listed(_ nodes: [String]) -> String {
    let shown = nodes.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
    return nodes.count > 5 ? "\(shown) and \(nodes.count - 5) more" : shown
  }
}

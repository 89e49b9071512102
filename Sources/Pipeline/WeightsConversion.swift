import Compute
import Dispatch
import Foundation
import Importers
import Methods
import Packed
import Tensors

/// What became of the tensors of a model that were coded without data.
public struct WeightsReport: Codable, Hashable, Sendable {
  public struct Tensor: Codable, Hashable, Sendable {
    public var name: String
    public var shape: [Int]
    /// `float`, `binary`, `ternary`, `4-bit` or `codebook`.
    public var coding: String
    /// Bits in which one number is stored; levels and codebooks apart.
    public var bits: Double
    /// In the file, levels and codebook included.
    public var bytes: Int
  }
  public var model: String
  public var output: String
  public var method: String
  public var tensors: [Tensor]
  /// Names of tensors that hold no floats and were left out.
  public var leftOut: [String]
  /// Of the tensors as the model stores them.
  public var sourceBytes: Int
  public var packedBytes: Int
  public var seconds: Double

  public var table: String {
    let rows = tensors.map { [$0.name, "\($0.shape)", $0.coding, $0.bits.shortened(), "\($0.bytes)"] }
    let speed = Double(sourceBytes) / 1e6 / max(seconds, 1e-9)
    var lines = [
      ["tensors", "\(tensors.count { $0.coding != "float" }) of \(tensors.count) coded by \(method)"],
      ["float bytes", "\(sourceBytes)"],
      ["packed bytes", "\(packedBytes)" + sizeChange(from: sourceBytes, to: packedBytes)],
      ["time", String(format: "%.1f s, %.0f MB/s", seconds, speed)], ["file", output],
    ]
    if !leftOut.isEmpty { lines.append(["left out", "\(leftOut.count) tensors that hold no floats"]) }
    return aligned([["tensor", "shape", "coding", "bits", "bytes"]] + rows, right: 3...4) + "\n\n"
      + aligned(lines, right: nil)
  }
}

/// Codes and packs each tensor of a model by a method, without data and without knowing what the network computes.
public struct WeightsConversion {
  private let recipe: Recipe
  private let note: (String) -> Void

  /// - Precondition: the recipe has no problems.
  public init(recipe: Recipe, note: @escaping (String) -> Void = { _ in }) {
    self.recipe = recipe
    self.note = note
  }

  /// Tensors of two axes or more become bits, each by the method that the recipe's `layers` give it by its name; all
  /// other floats stay as they are.
  ///
  /// Memory: two tensors, or one large one. Throws what the importer says, `InputError`, and `PackedFileError`.
  public func convert(model: String, to output: String) throws -> WeightsReport {
    try Output.check(output, sources: [model], as: .packed)
    guard let source = try importer(for: model).tensors(in: model) else {
      throw InputError(["\(model): its format does not list tensors without a network"])
    }
    let start = ContinuousClock.now
    let entries = source.entries.filter { Self.isFloat($0.type) }
    let leftOut = source.entries.filter { !Self.isFloat($0.type) }.map(\.name)
    for line in source.notes { note(line) }
    guard !entries.isEmpty else { throw InputError(["\(model): there are no tensors of floats"]) }
    let methods = try self.methods(for: entries, of: model)
    let found = Set(methods.compactMap { $0.map { type(of: $0).name } }).sorted()
    let names = found.isEmpty ? recipe.method : found.joined(separator: ", ")
    note("\(names): \(methods.count { $0 != nil }) of \(entries.count) tensors become bits")
    for line in unused { note(line) }
    let (tensors, size) = try Output.making(output, isRenamed: true) {
      let writer = try WeightsWriter(output)
      let tensors = try code(entries, of: source, by: methods, to: writer)
      return (tensors, try writer.finish(provenance(of: model)))
    }
    return WeightsReport(
      model: model, output: output, method: names, tensors: tensors, leftOut: leftOut,
      sourceBytes: entries.reduce(0) { $0 + ($1.bytes ?? 0) }, packedBytes: size,
      seconds: start.duration(to: .now) / .seconds(1))
  }

  private static func isFloat(_ type: String) -> Bool { type.hasPrefix("float") || type.hasPrefix("bfloat") }

  private static func isCoded(_ entry: TensorEntry) -> Bool {
    entry.shape.count >= 2 && entry.shape.allSatisfy { $0 > 0 } && (entry.count ?? 0) > entry.shape[0]
  }

  /// What codes each tensor; nil for those that stay float.
  private func methods(for entries: [TensorEntry], of model: String) throws -> [(any Method)?] {
    let rules = recipe.layers.rules
    var problems = rules.enumerated().compactMap { index, rule -> String? in
      let place = "rule \(index + 1) of 'layers' "
      if rule.kind != nil { return place + "has 'operator', but a tensor alone has none: leave it out" }
      return entries.contains { rule.covers($0.name) } ? nil : place + "matches no tensor: '\(rule.match)'"
    }
    // What tensors would read is asked for by nobody, and must not stand in the way.
    var weights = recipe
    (weights.activations, weights.activationOptions) = ("float", [:])
    let silent = rules.map { rule in
      var rule = rule
      (rule.activations, rule.activationOptions) = (nil, [:])
      return rule
    }
    let methods = entries.map { entry -> (any Method)? in
      guard Self.isCoded(entry) else { return nil }
      let matching = silent.filter { $0.covers(entry.name) }
      do { return try LayerPlan.layer(entry.name, isFloat: false, matching, weights).method } catch {
        problems.append("\(error)")
        return nil
      }
    }
    guard problems.isEmpty else { throw InputError(problems.map { "\(model): \($0)" }) }
    return methods
  }

  /// What of the recipe is for networks alone, in words.
  private var unused: [String] {
    let isRead = recipe.activations != "float" || recipe.layers.rules.contains { $0.activations ?? "float" != "float" }
    let keys = (isRead ? ["activations"] : []) + (recipe.structure.isEmpty ? [] : ["structure"])
    guard !keys.isEmpty else { return [] }
    return ["of the recipe \(keys.joined(separator: " and ")) count for nothing: only weights become bits"]
  }

  /// The keys of a recipe that say how a tensor becomes symbols. Nothing is trained: no other key would be true of the
  /// file.
  package static let keys: Set = ["layers", "method", "options", "seed"]

  /// SHA-256 of the model's file; of data beside it the hash would take longer than the work.
  private func provenance(of model: String) throws -> PackedModel.Provenance {
    let data = try Data(contentsOf: URL(fileURLWithPath: model), options: .alwaysMapped)
    let hash = data.count <= 1 << 28 ? SHA256.hexadecimal(of: data) : ""
    return PackedModel.Provenance(
      source: URL(fileURLWithPath: model).lastPathComponent, sourceHash: hash,
      recipe: recipe.json(of: Self.keys), seed: recipe.seed, tool: Signum.version)
  }

  private func code(
    _ entries: [TensorEntry], of source: any TensorSource, by methods: [(any Method)?], to writer: WeightsWriter
  ) throws -> [WeightsReport.Tensor] {
    let work = WeightsWork(entries, source, methods, recipe.seed, writer)
    let workers = max(1, min(Processor.threadCount, 4, entries.count))
    DispatchQueue.concurrentPerform(iterations: workers) { _ in while work.doNext() {} }
    let tensors = try work.result()
    for problem in work.problems { note(problem) }
    return tensors
  }
}

/// Tensors that several threads code. They are read one after the other, and written in their order.
private final class WeightsWork: @unchecked Sendable {
  private let entries: [TensorEntry]
  private let source: any TensorSource
  /// Of each tensor; nil leaves it float.
  private let methods: [(any Method)?]
  private let seed: UInt64
  private let writer: WeightsWriter
  // Held by whoever reads, and by whoever codes a tensor so large that no second one may be in memory.
  private let reading = NSLock()
  private var next = 0
  // Held by whoever writes.
  private let writing = NSLock()
  private var written = 0
  private var waiting: [Int: WeightsFile.Weight] = [:]
  private var tensors: [WeightsReport.Tensor] = []
  private var failure: (any Error)?
  /// Why tensors that could be bits stayed float, and what is odd about others; written under `writing`.
  private(set) var problems: [String] = []

  /// Elements from which on a tensor is coded alone.
  private static let largeCount = 1 << 26

  init(
    _ entries: [TensorEntry], _ source: any TensorSource, _ methods: [(any Method)?], _ seed: UInt64,
    _ writer: WeightsWriter
  ) {
    (self.entries, self.source, self.methods, self.seed) = (entries, source, methods, seed)
    self.writer = writer
  }

  /// Reads, codes and writes one tensor. False where none is left.
  func doNext() -> Bool {
    reading.lock()
    let index = next
    guard index < entries.count, writing.withLock({ failure == nil }) else {
      reading.unlock()
      return false
    }
    next += 1
    let isLarge = (entries[index].count ?? 0) >= Self.largeCount
    let tensor = Result { try source.read(entries[index].name) }
    if !isLarge { reading.unlock() }
    let weight = tensor.map { coded($0, index) }
    if isLarge { reading.unlock() }
    writing.withLock { take(weight, index) }
    return true
  }

  private func coded(_ tensor: Tensor, _ index: Int) -> WeightsFile.Weight {
    let entry = entries[index]
    let float = WeightsFile.Weight(name: entry.name, weight: .float(tensor))
    guard tensor.isFinite else {
      tell("tensor '\(entry.name)' holds what is no number or infinite, and stays float")
      return float
    }
    guard let method = methods[index] else { return float }
    var generator = SplitMix64(seed: seed, stream: UInt64(index))
    let companions = method.companions(for: tensor, seed: generator.next())
    let latent = method.latent(for: tensor, companions: companions) ?? tensor
    let coded = method.code(latent, companions: companions, at: .inference)
    let weight = WeightsFile.Weight(name: entry.name, weight: PackedWeight(coded))
    do { try weight.check() } catch {
      tell("tensor '\(entry.name)' stays float: \(error)")
      return float
    }
    return weight
  }

  private func tell(_ problem: String) { writing.withLock { problems.append(problem) } }

  private func take(_ weight: Result<WeightsFile.Weight, any Error>, _ index: Int) {
    guard failure == nil else { return }
    do {
      waiting[index] = try weight.get()
      while let weight = waiting.removeValue(forKey: written) {
        try writer.append(weight)
        tensors.append(.init(weight))
        written += 1
      }
    } catch { failure = error }
  }

  func result() throws -> [WeightsReport.Tensor] {
    if let failure { throw failure }
    return tensors
  }
}

extension WeightsReport.Tensor {
  fileprivate init(_ packed: WeightsFile.Weight) {
    self.init(
      name: packed.name, shape: packed.weight.shape, coding: packed.weight.words, bits: packed.weight.bits,
      bytes: packed.weight.bytes)
  }
}

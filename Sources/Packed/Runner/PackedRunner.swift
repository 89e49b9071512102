import Dispatch
import Foundation
import Synchronization
import Tensors

/// Runs a packed model. The results are the same bits for any number of threads and on any instruction set.
///
/// A batch is split into chunks of images; each chunk goes through the whole network on one thread.
package final class PackedRunner: Sendable {
  package let model: PackedModel
  package let shapes: PackedShapes
  package let instructionSet: InstructionSet
  package let threads: Int
  private let operations: [any LayerOperation]
  /// For each value whether it comes as bits.
  private let givesBits: [Bool]
  /// For each layer the values that no later one reads.
  private let lastReads: [[Int]]

  /// Images of a chunk, and elements of its largest value: few enough that values stay in the caches.
  private static let largestChunk = (images: 32, elements: 1 << 18)

  /// Makes the weights of a model ready.
  ///
  /// Without an instruction set, `SIGNUM_ISA` or the best one is taken; without a number of threads, `SIGNUM_THREADS`
  /// or the number of processors. Throws `PackedFileError` where the model does not fit together, and
  /// `PackedRunnerError` where the processor lacks the instruction set.
  package init(_ model: PackedModel, instructionSet: InstructionSet? = nil, threads: Int? = nil) throws {
    let set = try instructionSet ?? .chosen()
    guard set.isAvailable else { throw PackedRunnerError.unavailableInstructionSet(set) }
    self.model = model
    self.instructionSet = set
    self.threads = try Self.threadCount(threads)
    let shapes = try PackedShapes(of: model)
    self.shapes = shapes
    var (givesBits, operations) = ([false], [any LayerOperation]())
    for (index, layer) in model.layers.enumerated() {
      let readsBits = givesBits[layer.inputs[0]]
      let (inputs, output) = (layer.inputs.map { shapes.values[$0] }, shapes.values[index + 1])
      let context = LayerContext(inputs: inputs, output: output, readsBits: readsBits, instructionSet: set)
      operations.append(layer.kind.operation(context))
      givesBits.append(layer.kind.givesBits(input: inputs[0], output: output, readsBits: readsBits))
    }
    self.operations = operations
    self.givesBits = givesBits
    lastReads = Self.lastReads(model.layers)
  }

  /// The output for a batch of inputs `[batch] + model.input.shape`.
  ///
  /// With `observing`, that is called with the value of each layer, for the whole batch, in order, on the caller's
  /// thread, which then does all the work; bits come as −1 and +1. Throws `PackedRunnerError.wrongInputShape`.
  package func run(_ input: Tensor, observing: ((_ layer: Int, _ value: Tensor) -> Void)? = nil) throws -> Tensor {
    let expected = model.input.shape
    guard input.shape.rank == expected.count + 1, Array(input.shape.dimensions.dropFirst()) == expected else {
      throw PackedRunnerError.wrongInputShape(found: input.shape.dimensions, expected: expected)
    }
    if observing != nil { return runChunk(input, observing: observing) }
    let batch = input.shape[0]
    let outputShape = Shape([batch] + shapes.values[shapes.values.count - 1])
    let workers = min(threads, batch)
    guard workers > 0 else { return Tensor(outputShape, repeating: 0) }
    let size = min(chunkSize, (batch + workers - 1) / workers)
    let chunks = (batch + size - 1) / size
    return Tensor(outputShape) { target in
      nonisolated(unsafe) let target = target
      let next = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: workers) { _ in
        while true {
          let chunk = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard chunk < chunks else { return }
          let images = chunk * size..<min((chunk + 1) * size, batch)
          let output = runChunk(input.images(images), observing: nil)
          let count = output.count / images.count
          output.inLayout(.rowMajor).withUnsafeFloats {
            _ = UnsafeMutableBufferPointer(rebasing: target[(images.lowerBound * count)...])
              .update(fromContentsOf: $0)
          }
        }
      }
    }
  }

  /// What one layer makes of the given values of its inputs: how verification compares each layer on its own.
  ///
  /// - Precondition: the inputs have the shapes of the values that the layer reads, with one batch.
  package func value(ofLayer index: Int, inputs: [Tensor]) -> Tensor {
    // Bits are handed over as bits, so that the very path is taken that the whole network takes.
    let values = zip(model.layers[index].inputs, inputs).map { value, input in
      givesBits[value] ? PackedValue.packedBits(input) : .laidOut(input)
    }
    return operations[index].run(values).tensor
  }

  private var chunkSize: Int {
    let largest = shapes.values.map { $0.reduce(1, *) }.max() ?? 1
    return min(Self.largestChunk.images, max(1, Self.largestChunk.elements / largest))
  }

  private func runChunk(_ input: Tensor, observing: ((Int, Tensor) -> Void)?) -> Tensor {
    var values: [PackedValue?] = [.laidOut(input)]
    for (index, layer) in model.layers.enumerated() {
      let value = operations[index].run(layer.inputs.compactMap { values[$0] })
      observing?(index, value.tensor)
      values.append(value)
      for value in lastReads[index] { values[value] = nil }
    }
    return values.last??.tensor ?? input
  }

  private static func lastReads(_ layers: [PackedLayer]) -> [[Int]] {
    var reads = [[Int]](repeating: [], count: layers.count)
    var seen = Set<Int>()
    for (index, layer) in layers.enumerated().reversed() {
      for input in layer.inputs where seen.insert(input).inserted { reads[index].append(input) }
      // A value that nobody reads goes at once; the output stays.
      if index < layers.count - 1, !seen.contains(index + 1) { reads[index].append(index + 1) }
    }
    return reads
  }

  private static func threadCount(_ wanted: Int?) throws(PackedRunnerError) -> Int {
    let text = wanted.map(String.init) ?? ProcessInfo.processInfo.environment["SIGNUM_THREADS"] ?? ""
    if text.isEmpty { return ProcessInfo.processInfo.activeProcessorCount }
    guard let count = Int(text), 1...1024 ~= count else { throw .invalidThreadCount(text) }
    return count
  }
}

extension Tensor {
  /// Some images of a batch, in the same order in memory.
  fileprivate func images(_ range: Range<Int>) -> Tensor {
    guard range != 0..<shape[0] else { return self }
    let size = count / shape[0]
    return Tensor(shape.withBatch(range.count), layout: layout) { target in
      withUnsafeFloats { source in
        let part = source[(range.lowerBound * size)..<(range.upperBound * size)]
        _ = target.initialize(fromContentsOf: UnsafeBufferPointer(rebasing: part))
      }
    }
  }
}

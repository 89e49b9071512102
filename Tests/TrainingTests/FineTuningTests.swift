import Datasets
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

/// Images whose class is the quarter that is bright.
struct Quarters: Dataset {
  let name = "quarters"
  let count = 256
  let imageShape: Shape = [3, 8, 8]
  let classCount: Int? = 4
  var isLabelled = true
  var labels: [Int32]? { isLabelled ? (0..<count).map { Int32($0 % 4) } : nil }

  func copyImage(
    _ index: Int, placement: Placement, pixels: PixelTransform, into target: UnsafeMutableBufferPointer<Float>
  ) {
    var generator = SplitMix64(seed: 77, stream: UInt64(index))
    for y in 0..<8 {
      for x in 0..<8 {
        let isBright = (y / 4) * 2 + x / 4 == index % 4
        for channel in 0..<3 { target[(y * 8 + x) * 3 + channel] = generator.uniform() + (isBright ? 1 : -1) }
      }
    }
  }
}

struct FineTuningTests {
  private func network() throws -> Graph {
    var builder = Networks.Builder(seed: 3)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: 8, relu: true)
    let middle = try builder.normalized("middle", stem, from: 8, to: 8, relu: true)
    let flat = try builder.graph.add("flat", Flatten(), [middle])
    builder.graph.outputs = [try builder.dense("head", flat, from: 8 * 64, to: 4)]
    return builder.graph
  }

  private func tuning(_ method: any Method, epochs: Int, rate: Float = 0.02, seed: UInt64 = 1) throws -> FineTuning {
    let student = try AttachMethod(method, layers: ["middle"]).rewrite(network()).applying([FuseBatchNorm()])
    var settings = FineTuning.Settings()
    settings.epochs = epochs
    settings.batch = 32
    settings.learningRate = rate
    settings.seed = seed
    let (training, validation) = Quarters().split(validation: 32)
    return FineTuning(
      student: student, teacher: nil, training: training, validation: validation, normalization: nil, settings: settings
    )
  }

  @Test(arguments: methods.map { $0.name }) func learns(_ name: String) throws {
    let tuning = try tuning(makeMethod(named: name), epochs: 4)
    let outcome = try tuning.run { _ in }
    let frozen = try Freeze().rewrite(outcome.graph)
    // The float layers around could learn alone.
    #expect(try symbols(frozen) != symbols(Freeze().rewrite(tuning.student)), "the bits are those it began with")
    let data = Quarters()
    #expect(frozen.answers(on: data, normalization: nil).top1(data.labels!) > 0.95)
    #expect(outcome.history.count == 4)
    #expect(outcome.history[3].loss < outcome.history[0].loss)
  }

  private func symbols(_ frozen: Graph) throws -> [Int8] {
    let coded = frozen.nodes.compactMap { node -> CodedTensor? in
      if case .coded(let weight)? = node.constant { weight } else { nil }
    }
    return try #require(coded.first).symbols
  }

  @Test func theSameSeedTrainsTheSameBits() throws {
    func values(_ seed: UInt64) throws -> [Tensor] {
      let outcome = try tuning(InformationRetention(), epochs: 1, seed: seed).run { _ in }
      return outcome.graph.nodes.compactMap { $0.constant?.tensor }
    }
    let first = try values(5)
    #expect(try values(5) == first)
    #expect(try values(6) != first)
  }

  @Test func saysWhenItDiverges() throws {
    #expect(throws: Divergence.self) { try tuning(ScaledSign(), epochs: 3, rate: 1e30).run { _ in } }
  }

  @Test func reportsEveryStepAndEveryEpoch() throws {
    var (steps, ends): (Int, [Int]) = (0, [])
    _ = try tuning(ScaledSign(), epochs: 2).run { progress in
      if progress.isEpochEnd { ends.append(progress.epoch) } else { steps += 1 }
      #expect(progress.validationTop1 != nil || !progress.isEpochEnd)
    }
    #expect(steps == 14 && ends == [1, 2])
  }

  @Test func aTeacherReplacesLabels() throws {
    let teacher = try tuning(ScaledSign(), epochs: 4).run { _ in }.graph
    var data = Quarters()
    data.isLabelled = false
    var settings = FineTuning.Settings()
    settings.epochs = 3
    settings.batch = 32
    let student = try AttachMethod(ScaledSign(), layers: ["middle"]).rewrite(network())
    let outcome = try FineTuning(
      student: student, teacher: teacher, training: data, validation: data.first(0), normalization: nil,
      settings: settings
    ).run { _ in }
    #expect(outcome.isRecalibrated)
    #expect(outcome.graph.answers(on: data, normalization: nil).top1(Quarters().labels!) > 0.9)
  }
}

struct CalibrationTests {
  private func batches(_ data: some Dataset) -> [[Int]] { data.orderedBatches(of: 64) }

  /// After calibration the batch norm's input has the mean and variance that it believes in.
  @Test func statisticsAreThoseOfTheData() throws {
    let graph = try Networks.residual()
    let data = Quarters()
    let values = Calibration.statistics(
      of: graph, constants: [:], batches: [Array(0..<data.count)], data: data, normalization: nil, at: .inference)
    let norm = try #require(graph.nodes.first { $0.operation is BatchNorm })
    let images = data.images(0..<data.count)
    let input = graph.run(["x": images], keeping: .only([norm.inputs[0]]))[norm.inputs[0]]
    let (channels, scalars) = (input.shape[1], input.scalars)
    for channel in 0..<channels {
      let numbers = scalars.indices.filter { $0 / 64 % channels == channel }.map { Double(scalars[$0]) }
      let mean = numbers.reduce(0, +) / Double(numbers.count)
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count - 1)
      #expect(abs(Double(values[norm.inputs[3]]!.scalars[channel]) - mean) < 1e-4)
      #expect(abs(Double(values[norm.inputs[4]]!.scalars[channel]) - variance) < 1e-3)
    }
  }

  /// Every restored norm, also one behind another, believes what its input really is in the float network.
  @Test func standardizingMeasuresTheFloatNetwork() throws {
    var builder = Networks.Builder(seed: 4)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    func layer(_ name: String, _ input: Graph.Node.ID, from: Int, to: Int) throws -> Graph.Node.ID {
      let (weight, bias) = (builder.random("\(name).w", [to, from, 3, 3]), builder.random("\(name).b", [to]))
      return try builder.graph.add(name, Convolution(padding: [1, 1, 1, 1]), [input, weight, bias])
    }
    let first = try builder.graph.add("relu", Relu(), [layer("first", x, from: 3, to: 4)])
    builder.graph.outputs = [try layer("second", first, from: 4, to: 5)]
    let folded = builder.graph
    let data = Quarters()
    let standard = Calibration.standardize(
      try RestoreBatchNorm().rewrite(folded), norms: ["first.batch-norm", "second.batch-norm"],
      batches: [Array(0..<data.count)], data: data, normalization: nil)
    let images = data.images(0..<data.count)
    #expect(standard(images).largestDifference(to: folded(images)) < 1e-3)
    // In the training phase each norm uses the statistics of the batch: of these images, the very ones it believes in.
    let output = standard.run(["x": images], at: Moment(phase: .training, progress: 0))[standard.outputs[0]]
    #expect(output.largestDifference(to: folded(images)) < 1e-2)
  }

  @Test func standardizingKeepsWhatTheNetworkComputes() throws {
    var builder = Networks.Builder(seed: 9)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let (weight, bias) = (builder.random("w", [4, 3, 3, 3]), builder.random("b", [4]))
    let layer = try builder.graph.add("layer", Convolution(padding: [1, 1, 1, 1]), [x, weight, bias])
    builder.graph.outputs = [try builder.graph.add("relu", Relu(), [layer])]
    let folded = builder.graph
    let restored = try RestoreBatchNorm().rewrite(folded)
    let data = Quarters()
    let standard = Calibration.standardize(
      restored, norms: ["layer.batch-norm"], batches: batches(data), data: data, normalization: nil)
    let images = data.images(0..<8)
    #expect(standard(images).largestDifference(to: folded(images)) < 1e-4)
    let norm = try #require(standard.nodes.first { $0.operation is BatchNorm })
    #expect(standard[norm.inputs[4]].constant!.tensor != restored[norm.inputs[4]].constant!.tensor)
  }
}

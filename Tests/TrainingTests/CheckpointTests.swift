import Datasets
import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing
import Training

/// A small network in training, for tests that stop it.
enum SmallTraining {
  static func network() throws -> Graph {
    var builder = Networks.Builder(seed: 3)
    let x = builder.graph.addInput("x", [1, 3, 8, 8])
    let stem = try builder.normalized("stem", x, from: 3, to: 8, relu: true)
    let middle = try builder.normalized("middle", stem, from: 8, to: 8, relu: true)
    let flat = try builder.graph.add("flat", Flatten(), [middle])
    builder.graph.outputs = [try builder.dense("head", flat, from: 8 * 64, to: 4)]
    return builder.graph
  }

  static func tuning(
    _ method: any Method = InformationRetention(), of graph: Graph? = nil,
    _ change: (inout FineTuning.Settings) -> Void = { _ in }
  ) throws -> FineTuning {
    let student = try AttachMethod(method, layers: ["middle"]).rewrite(graph ?? network()).applying([FuseBatchNorm()])
    var settings = FineTuning.Settings()
    settings.epochs = 2
    settings.batch = 64
    settings.augmentation = Augmentation(padding: 1, flips: true)
    change(&settings)
    let (training, validation) = Quarters().split(validation: 32)
    return FineTuning(
      student: student, teacher: nil, training: training, validation: validation, normalization: nil, settings: settings
    )
  }

  static let fingerprint = Fingerprint(identity: ["model": "ä\"1"], circumstances: ["threads": "2"])

  /// What every pause of a training could save, with where it is.
  static func states(_ tuning: FineTuning) throws -> (states: [TrainingState], pauses: [Watch.Pause], values: [Tensor])
  {
    var states: [TrainingState] = []
    var pauses: [Watch.Pause] = []
    let outcome = try tuning.run(
      watch: Watch(pause: { pause, state in
        pauses.append(pause)
        states.append(try state())
      }))
    return (states, pauses, values(outcome))
  }

  static func values(_ outcome: FineTuning.Outcome) -> [Tensor] {
    outcome.graph.nodes.compactMap { $0.constant?.tensor }
  }
}

struct ResumingTests {
  static let rules: [UpdateRule] = [
    UpdateRule(),
    {
      var rule = UpdateRule()
      (rule.optimizer, rule.averaging, rule.clipping) = (.adamw, 0.9, 1)
      return rule
    }(),
  ]

  /// Stopped after any step and resumed from the bytes of a checkpoint, training comes to the same bits.
  @Test(arguments: rules.indices) func comesToTheSameBits(_ rule: Int) throws {
    let tuning = try SmallTraining.tuning { $0.update = Self.rules[rule] }
    let (states, pauses, values) = try SmallTraining.states(tuning)
    #expect(pauses == [.step, .step, .epoch, .step, .step, .end])
    #expect(states.map(\.course.epoch) == [0, 0, 1, 1, 1, 2] && states.map(\.course.step) == [1, 2, 0, 1, 2, 0])
    for state in states {
      let data = CheckpointFile.encode(Checkpoint(fingerprint: SmallTraining.fingerprint, state: state))
      let found = try CheckpointFile.decode(data, path: "c").state
      let outcome = try tuning.run(from: found, watch: Watch())
      #expect(SmallTraining.values(outcome) == values, "\(state.course.place)")
      #expect(outcome.history.map(\.loss) == states[5].course.history.map(\.loss))
      #expect(outcome.history.map(\.top1) == states[5].course.history.map(\.top1))
    }
  }

  /// Methods keep all of their state where a checkpoint finds it: companions, what `settle` moves, what is drawn at
  /// random.
  @Test(arguments: [
    "binary-connect:stochastic=true", "group-transform", "learned-step", "semi-relaxed:learn-bits=true",
    "sub-bit:refine-every=1", "target-sparsity", "trained-ternary",
  ])
  func everyMethodGoesOn(_ text: String) throws {
    let parts = text.split(separator: ":").map(String.init)
    let options = parts.dropFirst().map { $0.split(separator: "=").map(String.init) }
    let method = try makeMethod(
      named: parts[0], options: Dictionary(uniqueKeysWithValues: options.map { ($0[0], $0[1]) }))
    let tuning = try SmallTraining.tuning(method) { $0.update = Self.rules[1] }
    let (states, _, values) = try SmallTraining.states(tuning)
    for state in [states[1], states[3]] {
      let data = CheckpointFile.encode(Checkpoint(fingerprint: SmallTraining.fingerprint, state: state))
      let outcome = try tuning.run(from: CheckpointFile.decode(data, path: "c").state, watch: Watch())
      #expect(SmallTraining.values(outcome) == values, "\(state.course.place)")
    }
  }

  @Test func whatTheWatchThrowsEndsTraining() throws {
    struct Enough: Error {}
    var steps = 0
    #expect(throws: Enough.self) {
      try SmallTraining.tuning().run(
        watch: Watch(pause: { _, _ in
          steps += 1
          if steps == 2 { throw Enough() }
        }))
    }
    #expect(steps == 2)
  }

  @Test func aStateOfAnotherTrainingIsRefused() throws {
    let states = try SmallTraining.states(SmallTraining.tuning()).states
    var adam = UpdateRule()
    adam.optimizer = .adam
    let others = [
      try SmallTraining.tuning { $0.update = adam }, try SmallTraining.tuning { $0.epochs = 1 },
      try SmallTraining.tuning { $0.batch = 100 },
    ]
    for (other, state) in zip(others, [states[0], states[5], states[4]]) {
      let error = #expect(throws: CheckpointError.self) { try other.run(from: state, watch: Watch()) }
      guard case .unfit(let problems)? = error?.problem else { Issue.record("\(String(describing: error))"); continue }
      #expect(!problems.isEmpty)
    }
  }

  @Test func theSpeedIsOfLateAndTheRateIsTheSteps() throws {
    var rates: [Float] = []
    let tuning = try SmallTraining.tuning { $0.learningRate = 0.1 }
    _ = try tuning.run(
      watch: Watch(report: { progress in
        #expect(progress.imagesPerSecond > 0 && progress.secondsLeft >= 0)
        if !progress.isEpochEnd { rates.append(progress.learningRate) }
      }))
    #expect(rates.count == 6 && rates[0] == 0.1)
    #expect(abs(rates[3] - 0.05) < 1e-6, "half of a cosine is half way down")
  }
}

struct CheckpointFileTests {
  private static let state: TrainingState = {
    var course = Course()
    (course.epoch, course.step) = (3, 2)
    course.sums.loss = 1.0 / 3
    (course.sums.correct, course.sums.images) = (5, 64)
    let symbols = LayerSymbols(
      layer: "a/b", subject: .weights, counts: ["+1": 3, "-1": 4], channels: 2, constantChannels: 1)
    course.history = [
      .init(loss: 0.1, top1: 0.7, validationTop1: nil, learningRate: 1e-7, layers: [symbols]),
      .init(loss: .leastNonzeroMagnitude, top1: 1, validationTop1: 0.3, learningRate: 0, layers: []),
    ]
    course.collapses = [Collapse(epoch: 1, kind: .channels, symbols: symbols)]
    let tensors: [(name: String, value: Tensor)] = [
      ("value/0:w", .random([2, 3], seed: 1)), ("none", .random([0, 4], seed: 1)),
      ("one \"ö\"", Tensor(scalar: -0.0)), ("deep", .random([2, 3, 2, 2], seed: 2, layout: .channelsLast)),
    ]
    return TrainingState(course: course, tensors: tensors)
  }()
  private static let data = CheckpointFile.encode(Checkpoint(fingerprint: SmallTraining.fingerprint, state: state))

  @Test func readsWhatItWrites() throws {
    let found = try CheckpointFile.decode(Self.data, path: "c")
    #expect(found.fingerprint == SmallTraining.fingerprint && found.state.course == Self.state.course)
    #expect(found.state.tensors.map(\.name) == Self.state.tensors.map(\.name))
    for (one, other) in zip(found.state.tensors, Self.state.tensors) {
      #expect(one.value.shape == other.value.shape)
      #expect(one.value.scalars.map(\.bitPattern) == other.value.scalars.map(\.bitPattern))
    }
    #expect(CheckpointFile.encode(found) == Self.data)
  }

  @Test func everyTruncationIsFound() {
    for count in 0..<Self.data.count {
      let error = #expect(throws: CheckpointError.self) {
        try CheckpointFile.decode(Self.data.prefix(count), path: "c")
      }
      switch error?.problem {
      case .foreign: #expect(count == 0)
      case .cut(let bytes, _): #expect(bytes == count && count > 0)
      default: Issue.record("\(count) bytes: \(String(describing: error))")
      }
    }
    #expect(throws: CheckpointError.self) { try CheckpointFile.decode(Self.data + [0], path: "c") }
  }

  @Test func everyFlippedBitIsFound() {
    for place in Self.data.indices {
      for bit in [0, 3, 7] {
        var data = Self.data
        data[place] ^= 1 << bit
        #expect(throws: CheckpointError.self) { try CheckpointFile.decode(data, path: "c") }
      }
    }
  }

  /// The same file with another header, lengths and checksum made to fit.
  private func forged(_ change: (String) -> String, dropping: Int = 0) -> Data {
    let length = Int(Self.data[16]) + Int(Self.data[17]) << 8
    let text = Data(change(String(decoding: Self.data[32..<32 + length], as: UTF8.self)).utf8)
    let numbers = Self.data[(32 + length)..<(Self.data.count - 8 - dropping)]
    var data = Self.data.prefix(16)
    for number in [text.count, numbers.count] {
      withUnsafeBytes(of: UInt64(number).littleEndian) { data.append(contentsOf: $0) }
    }
    data += text + numbers
    var sum = Checksum()
    data.withUnsafeBytes { sum.add($0) }
    withUnsafeBytes(of: sum.value.littleEndian) { data.append(contentsOf: $0) }
    return data
  }

  /// Whoever can compute the checksum can still not make it read where nothing is.
  @Test func forgedHeadersAreRefused() throws {
    #expect(try CheckpointFile.decode(forged { $0 }, path: "c").state.course == Self.state.course)
    let shapes = [
      "[2,4]", "[-2,3]", "[4611686018427387904,4]", "[9223372036854775807,9223372036854775807]", "[2,2]", "[]",
      "[0,-1]", "[6.5]", "{}",
    ]
    var changes: [(String) -> String] = shapes.map { shape in { $0.replacing("[2,3]", with: shape) } }
    changes += [
      { _ in "" }, { _ in "{}" }, { _ in "[]" }, { _ in String(repeating: "[", count: 100_000) },
      { $0.replacing("value/0:w", with: "deep") }, { $0.replacing("\"epoch\":3", with: "\"epoch\":1e300") },
      { $0.replacing("\"tensors\"", with: "\"tensor\"") },
    ]
    for (index, change) in changes.enumerated() {
      let error = #expect(throws: CheckpointError.self, "\(index)") {
        try CheckpointFile.decode(forged(change), path: "c")
      }
      guard case .header? = error?.problem else { Issue.record("\(index): \(String(describing: error))"); continue }
    }
    #expect(throws: CheckpointError.self) { try CheckpointFile.decode(forged({ $0 }, dropping: 4), path: "c") }
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("c")
    func problem(_ data: Data) throws -> String {
      try data.write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: CheckpointError.self) { try CheckpointFile.read(path) }
      return (error?.description ?? "").replacing(path, with: "c")
    }
    #expect(try problem(Data("Dear all".utf8)) == "c: is not a checkpoint")
    #expect(
      try problem(Self.data.dropLast(9)) == "c: is damaged: it has \(Self.data.count - 9) bytes, not \(Self.data.count)"
    )
    var data = Self.data
    data[data.count - 20] ^= 4
    #expect(try problem(data) == "c: is damaged: its checksum is not that of its content")
    data[8] = 9
    #expect(try problem(data) == "c: is a checkpoint of version 9; this signum reads version 1")
    #expect(throws: CheckpointError.self) { try CheckpointFile.read(folder.path("missing")) }
  }

  @Test func aFileIsReplacedAsAWholeOrNotAtAll() throws {
    let folder = try TemporaryFolder()
    let checkpoint = Checkpoint(fingerprint: SmallTraining.fingerprint, state: Self.state)
    let path = folder.path("c")
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    try CheckpointFile.write(checkpoint, to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Self.data)
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointFile.write(checkpoint, to: folder.path("nowhere/c"))
    }
    #expect(error?.description.hasSuffix("cannot be written: No such file or directory") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["c"])
  }

  /// A process that was killed while it wrote leaves a part; that of a living process is its own.
  @Test func partsOfTheDeadAreRemoved() throws {
    let folder = try TemporaryFolder()
    let dead = Process()
    dead.executableURL = URL(fileURLWithPath: "/bin/true")
    try dead.run()
    dead.waitUntilExit()
    let kept = ["c", "c.\(getppid()).7.part", "c.x.part", "d.\(dead.processIdentifier).7.part"]
    for name in kept + ["c.\(dead.processIdentifier).7.part", "c.\(dead.processIdentifier).part"] {
      try Data().write(to: folder.url.appendingPathComponent(name))
    }
    CheckpointFile.removeParts(of: folder.path("c"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == kept.sorted())
  }
}

struct FingerprintTests {
  @Test func everyDifferenceIsNamed() {
    let (old, new) = (["a": "1", "b": "2", "c": "3"], ["a": "1", "b": "5", "d": "4"])
    #expect(Fingerprint.differences(old, new) == ["b: 2 → 5", "c: 3 → nothing", "d: nothing → 4"])
    #expect(Fingerprint.differences(old, old).isEmpty)
  }

  @Test func theHashIsOfEveryPixelAndLabel() {
    func hash(_ change: (inout [UInt8], inout [Int32]) -> Void) -> String {
      var (bytes, labels) = ((0..<60).map { UInt8($0) }, [Int32](0..<5))
      change(&bytes, &labels)
      return ImageArray(name: "a", imageShape: [3, 2, 2], pixels: .bytes(bytes), labels: labels).contentHash
    }
    let hashes = [
      hash { _, _ in }, hash { bytes, _ in bytes[59] ^= 1 }, hash { bytes, _ in bytes[0] ^= 1 },
      hash { _, labels in labels[4] = 3 }, hash { bytes, _ in bytes.swapAt(3, 20) },
      hash { bytes, labels in
        bytes.removeLast(12)
        labels.removeLast()
      },
    ]
    #expect(Set(hashes).count == hashes.count)
    #expect(hash { _, _ in } == hashes[0])
  }
}

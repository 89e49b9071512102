import Foundation
import TestSupport
import Testing

/// Commands that are wrong before any file is opened: exit code 64.
struct UsageTests {
  private static let convert = ["convert", "net.onnx", "--data", "data", "-o", "net.signum"]

  private static let weightsOnly = ["convert", "net.onnx", "--weights-only", "--method", "xnor", "-o", "w.signum"]

  static let cases: [(name: String, arguments: [String])] = [
    ("unknown-command", ["conjure"]),
    ("unknown-command-of-zoo", ["zoo", "statuz", "zoo.yaml"]),
    ("unknown-options", ["evaluate", "net.signum", "--dat", "data", "--limt=3"]),
    ("unknown-option-of-all", ["--versoin"]),
    ("unknown-option-of-benchmark", ["benchmark", "net.onnx", "--step", "3"]),
    ("benchmark-steps", ["benchmark", "--steps", "0"]),
    ("unknown-topic", ["list", "methds"]),
    ("no-topic", ["list"]),
    ("list-unknown", ["list", "importers", "onyx"]),
    ("zoo-jobs", ["zoo", "run", "zoo.yaml", "--jobs", "0"]),
    ("zoo-format", ["zoo", "report", "zoo.yaml", "--format", "html"]),
    ("report-no-output", ["report", "net.jsonl"]),
    ("no-model", ["convert", "--method", "xnor"]),
    ("no-against", ["verify", "net.signum", "--data", "data"]),
    ("unknown-option", convert + ["--method", "xnor", "--epoch", "3"]),
    ("no-method", convert),
    ("unknown-method", convert + ["--method", "xnro"]),
    ("unknown-method-option", convert + ["--method", "information-retention:sharpness-at-stat=1"]),
    ("method-without-options", convert + ["--method", "xnor:sharpness=1"]),
    ("method-option-no-number", convert + ["--method", "information-retention:sharpness-at-start=hard"]),
    ("method-option-no-value", convert + ["--method", "information-retention:sharpness-at-start"]),
    ("method-option-twice", convert + ["--method", "information-retention:sharpness-at-end=1,sharpness-at-end=2"]),
    ("method-empty", convert + ["--method", ""]),
    ("activation-unknown", convert + ["--method", "xnor", "--activations", "sgn"]),
    ("activation-option-no-value", convert + ["--method", "xnor", "--activations", "sign:estimator"]),
    ("activation-option-unknown", convert + ["--method", "xnor", "--activations", "sign:estimator=hard"]),
    ("activation-empty", convert + ["--method", "xnor", "--activations", ""]),
    ("structure-unknown", convert + ["--method", "xnor", "--set", "structure=[bi-reel]"]),
    ("batch-zero", convert + ["--method", "xnor", "--batch", "0"]),
    ("epochs-negative", convert + ["--method", "xnor", "--epochs", "-1"]),
    ("epochs-fraction", convert + ["--method", "xnor", "--epochs", "1.5"]),
    ("learning-rate-nan", convert + ["--method", "xnor", "--learning-rate", "nan"]),
    ("seed-negative", convert + ["--method", "xnor", "--seed", "-1"]),
    ("teacher-empty", convert + ["--method", "xnor", "--teacher", ""]),
    ("normalization-unknown", convert + ["--method", "xnor", "--normalization", "imagnet"]),
    ("set-no-value", convert + ["--method", "xnor", "--set", "epochs"]),
    ("set-unknown-key", convert + ["--method", "xnor", "--set", "optimiser=adam", "--set", "warm-up=soon"]),
    ("set-out-of-range", convert + ["--method", "xnor", "--set", "average=1"]),
    ("set-twice", convert + ["--method", "xnor", "--set", "method=dorefa", "--seed", "3", "--set", "seed=4"]),
    ("no-output", ["convert", "net.onnx", "--data", "data", "--method", "xnor"]),
    ("output-no-extension", ["convert", "net.onnx", "--data", "data", "--method", "xnor", "-o", "net"]),
    ("output-empty", ["convert", "net.onnx", "--data", "data", "--method", "xnor", "-o", ""]),
    ("export-unknown", ["export", "net.signum", "--format", "onx"]),
    ("convert-export-unknown", convert + ["--method", "xnor", "--export", "onx"]),
    ("packed-shape", ["evaluate", "net.signum", "--data", "data", "--shape", "x=1x2"]),
    ("several", convert + ["--method", "nothing", "--batch", "0", "--epochs", "-1"]),
    ("nothing-given", ["convert", "net.onnx", "--set", "epoch=3", "--set", "batch=-3", "--export", "foo"]),
    ("weights-only-training", weightsOnly + ["--set", "epochs=3", "--shape", "x=1x3"]),
    ("checkpoint-every", convert + ["--method", "xnor", "--checkpoint-every", "10"]),
    ("resume-and-restart", convert + ["--method", "xnor", "--resume", "--restart"]),
    ("evaluate-normalization", ["evaluate", "net.onnx", "--data", "data", "--normalization", "1:2"]),
    ("limit-zero", ["evaluate", "net.onnx", "--data", "data", "--limit", "0"]),
    ("benchmark-methods", ["benchmark", "training", "--methods", "all", "xnor"]),
    ("benchmark-threads", ["benchmark", "training", "mlp", "--threads", "0"]),
    ("limit-negative", ["verify", "net.signum", "--against", "net.onnx", "--data", "data", "--limit", "-3"]),
  ]

  @Test(arguments: cases.map(\.name))
  func isRefusedWithCode64(_ name: String) throws {
    let arguments = try #require(Self.cases.first { $0.name == name }).arguments
    let outcome = try Program.run(arguments)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.hasSuffix("\n"))
    try Snapshot.check("usage-\(name)", arguments, outcome)
  }
}

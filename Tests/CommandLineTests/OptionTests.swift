import Foundation
import TestSupport
import Testing

/// Options of `convert` that could contradict each other, or that mean nothing.
struct OptionTests {
  private func plan(_ options: [String]) throws -> Program.Outcome {
    try Program.run(["convert", BadFiles.model, "--data", BadFiles.data, "--limit", "200", "--dry-run"] + options)
  }

  @Test("'--set options' is of the method that '--method' names, and a dry run needs no output")
  func optionsOfAMethod() throws {
    let planned = try plan(["--method", "learned-step", "--set", "options={bits: 2}"])
    #expect(planned.status == 0 && planned.text.contains("learned-step:bits=2"), "\(planned.errors)")
    let activations = ["--activations", "learned-step", "--set", "activation-options={bits: 3}"]
    let both = try plan(["--method", "learned-step:bits=5"] + activations)
    #expect(both.status == 0 && both.text.contains("learned-step:bits=3"), "\(both.errors)")
    let unknown = try plan(["--method", "xnor", "--set", "options={alpha: 2}"])
    #expect(unknown.status == 64 && unknown.errors.contains("there is no option 'alpha'"))
  }

  @Test("a key that is given twice is refused, each of them")
  func twice() throws {
    let outcome = try plan(
      ["--method", "xnor:", "--set", "method=dorefa", "--set", "options={bits: 2}", "--seed", "3", "--set", "seed=4"])
    #expect(outcome.status == 64)
    for key in ["method", "options", "seed"] {
      #expect(outcome.errors.contains("error: '\(key)' is given by '--set \(key)=…'"), "\(outcome.errors)")
    }
  }

  @Test("what a packed file and weights alone cannot use is refused")
  func useless() throws {
    let packed = "fixtures/zoo/mnist8.xnor-1w32a.signum"
    let shaped = try Program.run(["evaluate", packed, "--data", BadFiles.data, "--shape", "x=1x2"])
    #expect(shaped.status == 64 && shaped.errors.contains("is a packed file, whose sizes are not open"))
    let folder = try TemporaryFolder()
    let weights = try Program.run([
      "convert", BadFiles.model, "--weights-only", "--method", "xnor", "--layers", "all", "--activations", "sign", "-o",
      folder.path("w.signum"),
    ])
    #expect(weights.status == 64 && weights.errors.contains("does not go with --layers, --activations"))
    #expect(folder.names.isEmpty)
  }

  @Test("few images and a warm-up that never ends are warned of")
  func doubts() throws {
    let outcome = try Program.run([
      "convert", BadFiles.model, "--data", BadFiles.data, "--limit", "50", "--dry-run", "--method", "xnor", "--epochs",
      "2", "--set", "warm-up=5 epochs", "--set", "schedule=step", "--set", "milestones=[3 epochs]",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("warning: 'warm-up' is longer than the 2 epochs of training"))
    #expect(outcome.errors.contains("warning: 'milestones' has some after the 2 epochs of training"))
    #expect(outcome.errors.contains("the normalization was found on 50 images, which may be too few"))
  }
}

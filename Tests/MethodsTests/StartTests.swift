import Graphs
import Methods
import Tensors
import TestSupport
import Testing

/// Codings and signs that begin only when training has come somewhere.
struct StartTests {
  private let x = Tensor.random([4, 3, 8, 8], seed: 2)

  private func moment(_ progress: Float) -> Moment { Moment(phase: .inference, progress: progress) }

  @Test(arguments: methods.map { $0.name }) func weightsPassUntilThen(_ name: String) throws {
    let float = try Networks.residual()
    let method = try makeMethod(named: name)
    let student = try AttachMethod(method, layers: ["block.a"], start: 0.5).rewrite(float)
    let always = try AttachMethod(method, layers: ["block.a"]).rewrite(float)
    let output = student.outputs[0]
    let before = student.run(["x": x], at: moment(0.49))[output]
    // What begins at the weight computes it, with a rounding.
    #expect(method.beginsAtTheWeight ? before.largestDifference(to: float(x)) < 1e-4 : before == float(x))
    #expect(student.run(["x": x], at: moment(0.5))[output] == always.run(["x": x], at: moment(0))[output])
    #expect(student.run(["x": x], at: moment(1))[output] == always.run(["x": x], at: moment(1))[output])
  }

  @Test(arguments: methods.map { $0.name }) func gradientsPassUntilThen(_ name: String) throws {
    let latent = Tensor.random([4, 3, 3, 3], seed: 5)
    let seed = Tensor.random([4, 3, 3, 3], seed: 6)
    let method = try makeMethod(named: name)
    func gradient(_ start: Float, at progress: Float) -> Tensor {
      func ask(_ method: some Method) -> Tensor {
        let coding = Coding(method, start: start)
        let companions = method.companions(for: latent)
        let inputs = [method.latent(for: latent, companions: companions) ?? latent] + companions
        let moment = Moment(phase: .training, progress: progress)
        let evaluation = coding.forward(inputs, at: moment)
        let needed = inputs.map { _ in true }
        return coding.backward(seed, from: evaluation, inputs: inputs, needed: needed, at: moment)[0]!
      }
      return ask(method)
    }
    #expect(gradient(0.5, at: 0.2) == (method.beginsAtTheWeight ? gradient(0, at: 0) : seed))
    #expect(gradient(0.5, at: 0.75).largestDifference(to: gradient(0, at: 0.5)) < 1e-6)
  }

  /// The weight moves until then, and what goes with it is made of what it has become.
  @Test(arguments: methods.map { $0.name }) func companionsAreOfTheWeightThatBecomesSymbols(_ name: String) throws {
    func ask(_ method: some Method) {
      let (old, moved) = (Tensor.random([4, 3, 3, 3], seed: 5), Tensor.random([4, 3, 3, 3], seed: 6))
      let companions = method.companions(for: old)
      let coding = Coding(method, start: 0.5)
      // What begins at the weight trains another latent weight, which stands for this one.
      let latent = method.latent(for: moved, companions: companions) ?? moved
      let moments = [0.3, 0.4].map { Moment(phase: .training, progress: $0, next: $0 + 0.1) }
      var inputs = [latent] + companions
      coding.settle(&inputs, at: moments[0])
      #expect(inputs == [latent] + companions && !coding.begins(after: moments[0]))
      let before = coding.forward(inputs, at: moments[1]).output
      coding.settle(&inputs, at: moments[1])
      #expect(coding.begins(after: moments[1]))
      #expect(Array(inputs.dropFirst()) == method.companions(for: before))
      #expect(method.beginsAtTheWeight || inputs[0] == moved)
      let after = coding.forward(inputs, at: Moment(phase: .training, progress: 0.4)).output
      #expect(after.largestDifference(to: before) < 1e-5, "nothing jumps before the first symbols")
    }
    ask(try makeMethod(named: name))
  }

  @Test(arguments: methods.map { $0.name }) func freezingAsksNotWhen(_ name: String) throws {
    let float = try Networks.residual()
    let method = try makeMethod(named: name)
    let student = try AttachMethod(method, layers: ["block.a", "block.b"], start: 0.9).rewrite(float)
    let always = try AttachMethod(method, layers: ["block.a", "block.b"]).rewrite(float)
    #expect(try Freeze().rewrite(student)(x) == Freeze().rewrite(always)(x))
  }

  @Test func signsPassUntilThen() throws {
    let sign = SignActivation(start: 0.4)
    let seed = Tensor.random([4, 3, 8, 8], seed: 3)
    func step(_ progress: Float) -> [Tensor] {
      let evaluation = sign.forward([x], at: moment(progress))
      let slope = sign.backward(seed, from: evaluation, inputs: [x], needed: [true], at: moment(progress))
      return [evaluation.output, slope[0]!]
    }
    #expect(step(0.3) == [x, seed])
    let always = SignActivation()
    let evaluation = always.forward([x], at: .inference)
    let slope = always.backward(seed, from: evaluation, inputs: [x], needed: [true], at: .inference)[0]!
    #expect(step(0.4) == [evaluation.output, slope])
  }

  @Test func signedInputsBeginWithTheirSigns() throws {
    let float = try Networks.residual()
    let late = try AttachActivation(ActivationSign(), layers: ["block.b"], start: 0.5).rewrite(float)
    let always = try AttachActivation(ActivationSign(), layers: ["block.b"]).rewrite(float)
    let output = late.outputs[0]
    #expect(late(x) == always(x))
    #expect(late.run(["x": x], at: moment(0.2))[output] != always(x))
    #expect(try MakeThresholds().rewrite(late)(x) == MakeThresholds().rewrite(always)(x))
  }
}

import Foundation
import Graphs
import Methods
import Tensors
import TestSupport
import Testing

struct GroupTransformTests {
  private let method = GroupTransform()

  private func moment(_ progress: Float) -> Moment { Moment(phase: .training, progress: progress) }

  /// The transformation as the doc comment has it, in double precision, for one channel.
  private func reference(_ w: [Double], at progress: Float) -> [Double] {
    let (progress, steepness) = (Double(progress), Double(method.steepness))
    let share = (pow(steepness, -progress) - 1 / steepness) / (1 - 1 / steepness)
    let softness = Double(method.softness) * (1 - progress)
    let mean = w.reduce(0) { $0 + abs($1) } / Double(w.count)
    let r = w.map { $0 / mean * pow($0 / mean * $0 / mean + softness * softness, (share - 1) / 2) }
    let size = r.reduce(0) { $0 + abs($1) } / Double(w.count)
    return r.map { mean * $0 / size }
  }

  @Test(arguments: [Float(0), 0.1, 0.5, 0.9, 0.999]) func isTheFormula(_ progress: Float) {
    let latent = Tensor.random([3, 37], seed: 1).map { $0 * 0.1 }
    let found = method.relax(latent, companions: [], at: moment(progress)).scalars
    for channel in 0..<3 {
      let span = channel * 37..<(channel + 1) * 37
      let expected = reference(latent.scalars[span].map(Double.init), at: progress)
      #expect(zip(found[span], expected).allSatisfy { abs(Double($0) - $1) < 2e-6 * max(0.05, abs($1)) })
    }
  }

  @Test func isDeterministic() {
    let latent = Tensor.random([5, 4, 3, 3], seed: 2)
    for progress in [Float(0), 0.4, 1] {
      let first = method.relax(latent, companions: [], at: moment(progress))
      #expect(method.relax(latent, companions: [], at: moment(progress)) == first)
    }
  }

  /// Against central differences of the reference, by which the means are included.
  @Test(arguments: [Float(0), 0.3, 0.7, 0.95, 1]) func gradientIsExact(_ progress: Float) {
    let (shape, row): (Shape, Int) = ([2, 3, 3, 3], 27)
    let latent = Tensor.random(shape, seed: 3).map { $0 * 0.2 }
    let outer = Tensor.random(shape, seed: 4)
    let found = method.backward(outer, latent: latent, companions: [], at: moment(progress))[0]!.scalars
    for channel in 0..<2 {
      let span = channel * row..<(channel + 1) * row
      let weights = latent.scalars[span].map(Double.init)
      let outer = outer.scalars[span].map(Double.init)
      func loss(_ w: [Double]) -> Double { zip(reference(w, at: progress), outer).reduce(0) { $0 + $1.0 * $1.1 } }
      for i in 0..<row {
        var (up, down) = (weights, weights)
        let step = 1e-6
        up[i] += step
        down[i] -= step
        let expected = (loss(up) - loss(down)) / (2 * step)
        #expect(abs(Double(found[span.lowerBound + i]) - expected) < 1e-4 * max(0.1, abs(expected)))
      }
    }
  }

  /// One weight changes what the others of its channel become, and nothing in another channel.
  @Test func groupsAreCoupled() {
    var scalars = Tensor.random([2, 20], seed: 5).scalars
    let before = method.relax(Tensor([2, 20], scalars: scalars), companions: [], at: moment(0.5)).scalars
    scalars[3] *= 2
    let after = method.relax(Tensor([2, 20], scalars: scalars), companions: [], at: moment(0.5)).scalars
    #expect((0..<20).allSatisfy { before[$0] != after[$0] })
    #expect(Array(before[20...]) == Array(after[20...]))
  }

  /// It comes to the decoded bits without a jump: the way that is left shrinks with the training that is left.
  @Test func endsInBits() {
    let latent = Tensor.random([4, 144], seed: 6).map { $0 * 0.3 }
    let decoded = method.code(latent, companions: [], at: .inference).decoded()
    #expect(method.relax(latent, companions: [], at: moment(1)) == decoded)
    func gap(_ progress: Float) -> Double {
      (method.relax(latent, companions: [], at: moment(progress)).zip(decoded, -).squareSum / decoded.squareSum)
        .squareRoot()
    }
    #expect(gap(0.9) < 0.05)
    #expect(gap(0.999) < 3e-3)
    #expect(gap(0.999_999) < 1e-5)
    for (earlier, later) in [(Float(0), Float(0.2)), (0.2, 0.5), (0.5, 0.9), (0.9, 0.99)] {
      #expect(gap(later) < gap(earlier))
    }
  }

  @Test func beginsAtTheWeightWithoutPenalty() {
    let latent = Tensor.random([4, 9], seed: 7)
    #expect(method.beginsAtTheWeight && method.latent(for: latent, companions: []) == nil)
    #expect(method.relax(latent, companions: [], at: moment(0)) == latent)
    #expect(method.relax(latent, companions: [], at: moment(1e-6)).largestDifference(to: latent) < 1e-4)
    #expect(method.companions(for: latent).isEmpty && method.penalty(latent, companions: [], at: moment(0.5)).isEmpty)
  }

  /// Momentum, a rate of 0.1 and a decay of 1e-4, as a float network is trained: the least squares problem of a dense
  /// layer whose weights were signs is solved with signs.
  @Test func trainsWithMomentumAndDecay() {
    let (channels, row, images) = (4, 24, 96)
    let target = Tensor.random([channels, row], seed: 8).map { $0 >= 0 ? 0.2 : -0.2 }.scalars
    let x = Tensor.random([images, row], seed: 9).scalars
    var latent = Tensor.random([channels, row], seed: 10).map { $0 * 0.2 }
    var velocity = Tensor([channels, row], repeating: 0)
    for step in 0..<600 {
      let now = moment(min(1, Float(step) / 500))
      let weight = method.relax(latent, companions: [], at: now).scalars
      var gradient = [Float](repeating: 0, count: channels * row)
      for image in 0..<images {
        for channel in 0..<channels {
          var error: Float = 0
          for i in 0..<row { error += (weight[channel * row + i] - target[channel * row + i]) * x[image * row + i] }
          for i in 0..<row { gradient[channel * row + i] += error * x[image * row + i] / Float(images) }
        }
      }
      let slope = method.backward(
        Tensor([channels, row], scalars: gradient), latent: latent, companions: [], at: now)[0]!
      velocity = velocity.zip(slope.zip(latent) { $0 + 1e-4 * $1 }) { 0.9 * $0 + $1 }
      latent = latent.zip(velocity) { $0 - 0.1 * $1 }
    }
    let coded = method.code(latent, companions: [], at: .inference)
    let wrong = zip(coded.symbols, target).count { Float($0) * $1 < 0 }
    #expect(wrong <= 2)
    #expect(coded.levels.allSatisfy { abs($0 - 0.2) < 0.03 })
  }

  /// The steepest place is 0, and there the slope is a number that a step can bear.
  @Test(arguments: [Float(0.1), 0.5, 0.9, 0.99, 1]) func gradientNearZeroIsBounded(_ progress: Float) {
    let latent = Tensor([2, 5], scalars: [0, 1e-9, -1e-5, 0.1, -0.1, 0, 0, 0, 0, 0])
    let gradient = method.backward(
      Tensor([2, 5], repeating: 1), latent: latent, companions: [], at: moment(progress))[0]!
    #expect(gradient.isFinite)
    #expect(gradient.largestMagnitude <= 10 / (method.softness * max(1 - progress, 0.01)))
    #expect(Array(gradient.scalars[5...]) == [1, 1, 1, 1, 1])
    #expect(method.relax(latent, companions: [], at: moment(progress)).scalars[5...].allSatisfy { $0 == 0 })
  }

  @Test func refusesOptionsThatMakeNoSense() {
    for options in [["steepness": "1"], ["steepness": "1e12"], ["softness": "0"], ["softness": "2"]] {
      #expect(throws: MethodError.self) { try makeMethod(named: "group-transform", options: options) }
    }
  }
}

import Graphs
import Tensors

/// Signs of the weight, all of one magnitude, drawn at random while training if asked for; the weight is clipped.
///
///     code(w)      = H · sign(w),  sign(0) = +1
///     relax(w)     = code(w), or stochastic:  +H with probability clip((w / H + 1) / 2, 0, 1), else −H
///     ∂L/∂w        = ∂L/∂code                 (straight through, unclipped)
///     w            ← clip(w, −H, H)           after each step
///     H            = √(1.5 / (inputs + outputs)) with the kernel's pixels counted in both, or 1, or the mean of |w|
///
/// The paper's: the signs, the probability, the clip, and H = 1 with steps 1 / √(1.5 / (inputs + outputs)) times as
/// long; Glorot's H is an option of its code. Ours: Glorot's H by default and no longer steps, because a trained
/// network's weights are about that large; H = mean of |w| of the trained layer; what is drawn at random only while
/// training, and no longer from progress 1 on, so that the weights that are shipped are trained at last (the authors'
/// code evaluates the float weights of a stochastic network).
///
/// Courbariaux et al., BinaryConnect, 2015, https://arxiv.org/abs/1511.00363
package struct BinaryConnect: Method {
  package static let name = "binary-connect"
  package static let summary = "sign of the weight times one level for the layer, drawn at random if asked for; clipped"
  package static let paper = "Courbariaux et al. 2015, arXiv 1511.00363"

  /// Which magnitude H all weights of a layer have.
  package enum Scale: String, NamedOption {
    case glorot, one, mean
  }
  package var scale = Scale.glorot
  /// Whether signs are drawn at random while training.
  package var stochastic = false
  package var alphabet: Alphabet { .binary }
  package init() {}

  /// H, which nothing moves.
  package func companions(for weight: Tensor, seed: UInt64) -> [Tensor] {
    let mean = weight.meanMagnitude
    let level: Float =
      switch scale {
      case .one: 1
      case .mean where mean > 0: mean
      case .glorot, .mean: Self.glorot(weight.shape)
      }
    return [Tensor([1], scalars: [level])]
  }

  /// √(1.5 / (inputs + outputs)), each counted once for every pixel of the kernel.
  static func glorot(_ shape: Shape) -> Float {
    let pixels = shape.dimensions.dropFirst(2).reduce(1, *)
    let inputs = shape.rank > 1 ? shape[1] : 1
    return (1.5 / Float(max(pixels * (inputs + shape[0]), 1))).squareRoot()
  }

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    CodedTensor(coding: latent, .binary, level: companions[0].scalars[0]) { $1 >= 0 ? 1 : -1 }
  }

  package func relax(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> Tensor {
    guard stochastic, moment.phase == .training, moment.progress < 1 else {
      return code(latent, companions: companions, at: moment).decoded()
    }
    let level = companions[0].scalars[0]
    let latent = latent.inLayout(.rowMajor)
    return Tensor(latent.shape) { result in
      latent.withUnsafeFloats { weights in
        latent.forEachRow { channel, span in
          // A stream for each channel, so that threads do not matter.
          var generator = SplitMix64(seed: moment.seed, stream: UInt64(channel))
          for i in span {
            result[i] = generator.uniform() < (weights[i] / level + 1) / 2 ? level : -level
          }
        }
      }
    }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient, nil]
  }

  package func settle(_ latent: inout Tensor, companions: inout [Tensor], at moment: Moment) {
    let level = companions[0].scalars[0]
    latent = latent.clipped(-level, level)
  }
}

import Graphs
import Tensors

/// The sign of each weight, times the mean magnitude of its output channel.
///
///     code(w)[o, i]  = α[o] · sign(w[o, i]),   α[o] = mean over i of |w[o, i]|,   sign(0) = +1
///     ∂L/∂w          = ∂L/∂code                (straight through; α counts as a constant)
///
/// This α is the least-squares best for these signs. The paper scales its gradient and clips it outside ±1; here it
/// passes unchanged, which measured best when fine-tuning from a trained network.
///
/// Rastegari et al., XNOR-Net (BWN), 2016, https://arxiv.org/abs/1603.05279
package struct ScaledSign: Method {
  package static let name = "xnor"
  package static let summary = "sign of the weight times the mean magnitude of its channel (XNOR-Net, BWN)"
  package static let paper = "Rastegari et al. 2016, arXiv 1603.05279"
  package var alphabet: Alphabet { .binary }
  package init() {}

  package func code(_ latent: Tensor, companions: [Tensor], at moment: Moment) -> CodedTensor {
    let row = latent.rowLength
    var levels = [Float](repeating: 0, count: latent.shape[0])
    latent.inLayout(.rowMajor).withUnsafeFloats { weights in
      levels.withUnsafeMutableBufferPointer { levels in
        latent.forEachRow { channel, span in
          var sum: Float = 0
          for i in span { sum += abs(weights[i]) }
          levels[channel] = sum / Float(max(row, 1))
        }
      }
    }
    return CodedTensor(coding: latent, .binary, levels: levels) { _, weight in weight >= 0 ? 1 : -1 }
  }

  package func backward(_ gradient: Tensor, latent: Tensor, companions: [Tensor], at moment: Moment) -> [Tensor?] {
    [gradient]
  }
}

extension Tensor {
  /// How many weights feed one output channel.
  var rowLength: Int { shape[0] == 0 ? 0 : count / shape[0] }
}

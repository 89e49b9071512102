import Foundation
import Tensors
import TestSupport

/// What PyTorch computes: `fixtures/training/torch.json`, by `fixtures/make/training_cases.py`.
struct TorchCases: Decodable {
  struct OptimizerCase: Decodable {
    var optimizer: String
    var rate, momentum, secondMomentum, epsilon, decay: Float
    var clipping: Float?
    /// Of two parameters.
    var start: [[Float]]
    /// For each step and parameter.
    var gradients, values: [[[Float]]]
  }
  struct ScheduleCase: Decodable {
    var curve: String
    var warmUp: String?
    var milestones: [String]?
    var factor, end: Float?
    /// Of 40 steps in four epochs, 0.4 at most.
    var rates: [Float]
  }
  struct ObjectiveCase: Decodable {
    var smoothing, distillation, temperature: Float
    var share: Float?
    /// `[5, 7]`
    var logits, teacher, gradient: [Float]
    var labels, partners: [Int32]
    var loss: Float
  }
  struct MatchingCase: Decodable {
    var attention: Bool
    /// `[3, 4, 3, 5]`
    var student, teacher, gradient: [Float]
    var loss: Float
  }
  var optimizers: [OptimizerCase]
  var schedules: [ScheduleCase]
  var objectives: [ObjectiveCase]
  var matchings: [MatchingCase]

  static let all: TorchCases = {
    let file = URL(fileURLWithPath: Project.path("fixtures/training/torch.json"))
    return try! JSONDecoder().decode(TorchCases.self, from: Data(contentsOf: file))
  }()
}

import Foundation
import Testing
import Training

struct ScheduleTests {
  @Test(arguments: TorchCases.all.schedules.indices) func isThatOfPyTorch(_ index: Int) throws {
    let torch = TorchCases.all.schedules[index]
    var schedule = Schedule(try #require(Schedule.Curve(rawValue: torch.curve)))
    schedule.warmUp = torch.warmUp.flatMap(Span.init)
    schedule.milestones = try (torch.milestones ?? []).map { try #require(Span($0)) }
    schedule.milestoneFactor = torch.factor ?? schedule.milestoneFactor
    schedule.end = torch.end ?? 0
    for (step, expected) in torch.rates.enumerated() {
      let position = Schedule.Position(epoch: step / 10, epochs: 4, step: step % 10, steps: 10)
      let found = schedule.rate(0.4, at: position)
      #expect(abs(found - expected) < 2e-6, "step \(step): \(found), PyTorch has \(expected)")
    }
  }

  @Test func everyCurveIsComparedWithPyTorch() {
    #expect(Set(TorchCases.all.schedules.map(\.curve)) == Set(Schedule.Curve.allCases.map(\.rawValue)))
  }

  /// Whatever the lengths, the rate is a number from 0 to the top.
  @Test(arguments: Schedule.Curve.allCases) func staysInItsLimits(_ curve: Schedule.Curve) {
    let warmUps: [Span?] = [nil, .share(0), .share(1), .share(0.5), .epochs(1), .epochs(100)]
    for warmUp in warmUps {
      for (epochs, steps) in [(1, 1), (1, 2), (3, 1), (2, 7)] {
        var schedule = Schedule(curve)
        schedule.warmUp = warmUp
        for index in 0..<epochs * steps {
          let position = Schedule.Position(epoch: index / steps, epochs: epochs, step: index % steps, steps: steps)
          let rate = schedule.rate(0.3, at: position)
          #expect(rate >= 0 && rate <= 0.3 * 1.000_001, "\(curve) \(String(describing: warmUp)) \(position): \(rate)")
        }
      }
    }
  }

  @Test func spansAreSharesOrEpochs() throws {
    #expect(Span("0.25") == .share(0.25) && Span("1") == .share(1) && Span("3 epochs") == .epochs(3))
    #expect(Span("1 epoch") == .epochs(1) && Span("0.5 epochs") == .epochs(0.5))
    for text in ["", "2", "-0.1", "nan", "inf", "3 weeks", "epochs", "3 epochs more", "1e"] {
      #expect(Span(text) == nil)
    }
    for span in [Span.share(0.1), .epochs(5), .epochs(2.5)] {
      #expect(try JSONDecoder().decode(Span.self, from: JSONEncoder().encode(span)) == span)
    }
  }
}

import Compute
import Tensors
import TestSupport
import Testing

struct FiniteTests {
  /// Wherever it stands, also at the end of a block that one thread looks at.
  @Test(arguments: [Float.infinity, -.infinity, .nan, -.nan, .signalingNaN])
  func oneBrokenNumberIsFound(_ broken: Float) {
    for count in [1, 7, 64, 65_536, 200_001] {
      #expect(Tensor([count], repeating: .greatestFiniteMagnitude).isFinite)
      for place in [0, count / 2, min(65_535, count - 1), count - 1] {
        var x = Tensor([count], repeating: -.leastNonzeroMagnitude)
        x.withUnsafeMutableFloats { $0[place] = broken }
        #expect(!x.isFinite, "\(broken) at \(place) of \(count)")
      }
    }
  }

  @Test func nothingIsFinite() { #expect(Tensor([0, 3], repeating: 0).isFinite) }
}

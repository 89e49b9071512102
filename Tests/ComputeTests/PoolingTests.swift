import Compute
import TestSupport
import Tensors
import Testing

struct PoolingCase: CustomTestStringConvertible, Sendable {
  var what: String
  var image: Shape
  var window: Window
  var testDescription: String { what }

  init(
    _ what: String, _ image: Shape, size: [Int], strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0],
    dilations: [Int] = [1, 1], up: Bool = false
  ) {
    self.what = what
    self.image = image
    window = Window(size: size, strides: strides, padding: padding, dilations: dilations, roundsUp: up)
  }

  var output: Shape { Shape([image[0], image[1]] + window.output(of: [image[2], image[3]])!) }

  /// The places in the image that the window of an output element covers, and how many pixels it covers with padding.
  func covered(_ n: Int, _ c: Int, _ i: Int, _ j: Int) -> (places: [Int], padded: Int) {
    var (places, padded) = ([Int](), 0)
    for u in 0..<window.size[0] {
      for v in 0..<window.size[1] {
        let row = i * window.strides[0] + u * window.dilations[0] - window.padding[0]
        let column = j * window.strides[1] + v * window.dilations[1] - window.padding[1]
        if row < image[2] + window.padding[2] && column < image[3] + window.padding[3] { padded += 1 }
        guard row >= 0, column >= 0, row < image[2], column < image[3] else { continue }
        places.append(place(image, n, c, row, column))
      }
    }
    return (places, padded)
  }
}

private let cases: [PoolingCase] = [
  .init("halves", [2, 3, 6, 8], size: [2, 2], strides: [2, 2]),
  .init("rows left over", [1, 5, 7, 9], size: [2, 2], strides: [2, 2]),
  .init("rounded up", [5, 2, 7, 9], size: [2, 2], strides: [2, 2], up: true),
  .init("overlapping, padded", [2, 4, 7, 7], size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1]),
  .init("asymmetric", [1, 3, 5, 6], size: [3, 2], strides: [1, 2], padding: [2, 0, 1, 1]),
  .init("rounded up, padded", [1, 3, 6, 6], size: [3, 3], strides: [2, 2], padding: [0, 0, 1, 1], up: true),
  .init("whole image", [3, 17, 4, 5], size: [4, 5]),
  .init("one pixel", [1, 2, 3, 3], size: [1, 1]),
  .init("sixteen channels and more", [2, 37, 4, 6], size: [2, 3], strides: [2, 3]),
  .init("side by side, six channels", [2, 6, 8, 10], size: [2, 2], strides: [2, 2]),
  .init("side by side, one channel", [2, 1, 9, 36], size: [3, 2], strides: [3, 2]),
  .init("gaps between", [2, 16, 7, 8], size: [2, 2], strides: [3, 4]),
]

private let dilated = PoolingCase(
  "dilated", [1, 3, 9, 8], size: [3, 2], strides: [2, 1], padding: [1, 1, 1, 1], dilations: [2, 3])

struct PoolingTests {
  @Test(arguments: cases + [dilated])
  func maximum(_ pooling: PoolingCase) {
    // Few values, so that there are equals; the first of them wins.
    let x = Tensor.random(pooling.image, seed: 1).map { ($0 * 5).rounded() - 7 }
    let numbers = x.scalars
    let gradient = Tensor.random(pooling.output, seed: 2)
    var (wanted, slopes) = ([Double](), [Double](repeating: 0, count: x.count))
    forEachIndex(pooling.output) { n, c, i, j in
      let places = pooling.covered(n, c, i, j).places
      let best = places.dropFirst().reduce(places[0]) { numbers[$1] > numbers[$0] ? $1 : $0 }
      slopes[best] += Double(gradient.scalars[wanted.count])
      wanted.append(Double(numbers[best]))
    }
    let result = Pooling.maximum(x, window: pooling.window, keepsPlaces: true)
    #expect(result.y == tensor(pooling.output, wanted))
    let plain = Pooling.maximum(x.inLayout(.channelsLast), window: pooling.window, keepsPlaces: false)
    #expect(plain.y == result.y && plain.places.isEmpty)
    let back = Pooling.maximumBackward(gradient, x: x, window: pooling.window)
    expectClose(back, tensor(pooling.image, slopes))
  }

  @Test(arguments: cases, [false, true])
  func average(_ pooling: PoolingCase, _ countsPadding: Bool) {
    let x = Tensor.random(pooling.image, seed: 3)
    let gradient = Tensor.random(pooling.output, seed: 4)
    let numbers = x.scalars
    var (wanted, slopes) = ([Double](), [Double](repeating: 0, count: x.count))
    forEachIndex(pooling.output) { n, c, i, j in
      let (places, padded) = pooling.covered(n, c, i, j)
      let divisor = Double(countsPadding ? padded : places.count)
      for place in places { slopes[place] += Double(gradient.scalars[wanted.count]) / divisor }
      wanted.append(places.reduce(0) { $0 + Double(numbers[$1]) } / divisor)
    }
    let result = Pooling.average(x, window: pooling.window, countsPadding: countsPadding)
    expectClose(result, tensor(pooling.output, wanted))
    let back = Pooling.averageBackward(
      gradient, image: pooling.image, window: pooling.window, countsPadding: countsPadding)
    expectClose(back, tensor(pooling.image, slopes))
  }

  @Test func theMaximumKeepsWhatIsNotANumber() {
    let x = Tensor([1, 1, 1, 3], scalars: [1, .nan, 5])
    let window = Window(size: [1, 3], strides: [1, 1], padding: [0, 0, 0, 0], dilations: [1, 1])
    #expect(Pooling.maximum(x, window: window, keepsPlaces: false).y.scalars[0].isNaN)
  }
}

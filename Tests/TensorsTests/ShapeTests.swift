import Foundation
import Tensors
import Testing

struct ShapeTests {
  @Test func countOfElements() {
    #expect(Shape([2, 3, 4]).count == 24)
    #expect(Shape([]).count == 1 && Shape([]).rank == 0)
    #expect(Shape([2, 0, 4]).count == 0)
    #expect(Shape([2, 3])[1] == 3)
  }

  @Test(
    arguments: [
      ([2, 3], 6), ([], 1), ([0, 5], 0), ([1 << 20, 1 << 20], 1 << 40),
      ([-1], nil), ([3, -2, -2], nil), ([0, -1], nil), ([Int.min], nil),
      ([Int.max], Int.max), ([Int.max, 2], nil), ([1 << 32, 1 << 32], nil), ([1 << 31, 1 << 31, 2], nil),
    ] as [([Int], Int?)])
  func countOfWhatAFileSays(_ dimensions: [Int], _ count: Int?) {
    #expect(Shape.count(of: dimensions) == count)
  }

  @Test func aZeroHidesNoOverflow() {
    // Such a shape would be legal in one order of its axes and not in another.
    for dimensions in [[0, Int.max, Int.max], [Int.max, 0, Int.max], [Int.max, Int.max, 0]] {
      #expect(Shape.count(of: dimensions) == nil)
    }
  }

  @Test func stridesAreRowMajor() {
    #expect(Shape([2, 3, 4]).strides == [12, 4, 1])
    #expect(Shape([5]).strides == [1])
    #expect(Shape([]).strides == [])
    #expect(Shape([2, 0, 4]).strides == [0, 4, 1])
  }

  @Test func stridesFindEveryElement() {
    let shape: Shape = [2, 3, 4]
    let tensor = Tensor(shape, scalars: (0..<24).map(Float.init))
    var places: [Int] = []
    for i in 0..<2 { for j in 0..<3 { for k in 0..<4 { places.append(i * 12 + j * 4 + k) } } }
    #expect(tensor.scalars.map { Int($0) } == places)
  }

  @Test func otherBatch() {
    #expect(Shape([1, 3, 8, 8]).withBatch(5) == [5, 3, 8, 8])
    #expect(Shape([7]).withBatch(2) == [2])
    #expect(Shape([4, 2]).withBatch(0) == [0, 2])
  }

  @Test func text() throws {
    #expect("\(Shape([1, 3, 8]))" == "[1, 3, 8]" && "\(Shape([]))" == "[]")
    let data = try JSONEncoder().encode(Shape([2, 3]))
    #expect(try JSONDecoder().decode(Shape.self, from: data) == [2, 3])
  }
}

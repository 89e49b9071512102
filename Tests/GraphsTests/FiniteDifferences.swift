import Tensors

/// The sum of the products of two tensors, element by element.
func product(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.scalars, b.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// The slope of a function for each element of a tensor, by central differences.
func finiteDifferences(of x: Tensor, step: Float = 1e-2, _ function: (Tensor) -> Double) -> Tensor {
  let numbers = x.scalars
  let slopes = numbers.indices.map { i -> Float in
    func value(at number: Float) -> Double {
      var changed = numbers
      changed[i] = number
      return function(Tensor(x.shape, scalars: changed))
    }
    let (above, below) = (numbers[i] + step, numbers[i] - step)
    return Float((value(at: above) - value(at: below)) / Double(above - below))
  }
  return Tensor(x.shape, scalars: slopes)
}

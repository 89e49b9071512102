/// Why a packed model cannot be run as asked.
package enum PackedRunnerError: Error, Hashable {
  case unknownInstructionSet(String)
  case unavailableInstructionSet(InstructionSet)
  case invalidThreadCount(String)
  case wrongInputShape(found: [Int], expected: [Int])
  case wrongInputCount(found: Int, batch: Int, perItem: Int)
}

extension PackedRunnerError: CustomStringConvertible {
  package var description: String {
    let known = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
    return switch self {
    case .unknownInstructionSet(let name): "SIGNUM_ISA: no instruction set is called '\(name)'; here there are \(known)"
    case .unavailableInstructionSet(let set):
      "SIGNUM_ISA: this processor lacks \(set.rawValue); here there are \(known)"
    case .invalidThreadCount(let text): "SIGNUM_THREADS: a number from 1 to 1024 is wanted, not '\(text)'"
    case .wrongInputShape(let found, let expected): "input: has the shape \(found), expected [batch] + \(expected)"
    case .wrongInputCount(let found, let batch, let perItem):
      "input: has \(found) numbers, expected \(perItem) for each of \(batch) in the batch"
    }
  }
}

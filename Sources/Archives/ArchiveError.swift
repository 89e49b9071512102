/// What is wrong with an archive; the first fact is always the place.
package enum ArchiveError: Error, Hashable, Sendable {
  case damaged(String, String)
  case truncated(String, expected: Int, found: Int)
  case unsupported(String, String)
}

extension ArchiveError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .damaged(let path, let problem): "\(path): is damaged: \(problem)"
    case .truncated(let path, let expected, let found):
      "\(path): is cut off: \(expected) bytes are wanted, \(found) are there"
    case .unsupported(let path, let problem): "\(path): \(problem)"
    }
  }
}

import CKernels
import Foundation

/// What the inner loops may use of the processor. The results are the same bits on every one of them.
///
/// The environment variable `SIGNUM_ISA` chooses one by name; without it, the last available one is taken.
package enum InstructionSet: String, CaseIterable, Hashable, Sendable {
  /// Plain scalar code that the other paths are measured by. Slow.
  case reference
  /// Plain C, for any processor.
  case portable
  case avx2
  case avx512

  package var isAvailable: Bool {
    switch self {
    case .reference, .portable: true
    case .avx2: signumHasAVX2()
    case .avx512: signumHasAVX512()
    }
  }

  /// What the kernels ask of a processor, as far as this one has it.
  package static var processorFeatures: [String] {
    let features = [
      ("AVX2 and FMA", signumHasAVX2()), ("AVX-512 F, BW, VL, DQ", signumHasAVX512()),
      ("AVX-512 VPOPCNTDQ", signumHasPopulationCount512()),
    ]
    return features.filter(\.1).map(\.0)
  }

  /// Those that this processor has, the best one last.
  package static var available: [InstructionSet] { allCases.filter(\.isAvailable) }

  /// The one that `SIGNUM_ISA` asks for, else the best available one.
  package static func chosen(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PackedRunnerError) -> InstructionSet {
    guard let name = environment["SIGNUM_ISA"], !name.isEmpty else { return available.last ?? .portable }
    guard let set = InstructionSet(rawValue: name) else { throw .unknownInstructionSet(name) }
    guard set.isAvailable else { throw .unavailableInstructionSet(set) }
    return set
  }
}

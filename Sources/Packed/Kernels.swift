import CKernels

/// An inner loop for the convolutions and dense layers of one pair of operands on one instruction set.
package struct Kernel: Sendable {
  /// What is multiplied: weights first, then activations.
  package enum Operands: String, CaseIterable, Hashable, Sendable {
    case floatFloat = "float × float"
    case binaryFloat = "binary × float"
    case binaryBinary = "binary × binary"
    case codedFloat = "coded × float"
    case codedBinary = "coded × binary"

    /// Whether activations are bits.
    package var readsBits: Bool { self == .binaryBinary || self == .codedBinary }
  }

  package let operands: Operands
  package let instructionSet: InstructionSet
  /// What the processor must have, in words.
  package let requires: String
  let isSupported: @Sendable () -> Bool
  let function:
    @convention(c) @Sendable (
      UnsafePointer<SignumConvolution>?, UnsafeRawPointer?, UnsafeMutablePointer<Float>?, UnsafeMutableRawPointer?
    ) -> Void

  package var name: String { "\(operands.rawValue), \(instructionSet.rawValue)" }
  package var isAvailable: Bool { instructionSet.isAvailable && isSupported() }

  /// The kernel for a path: the last available one at or below the instruction set, so that a processor with AVX-512
  /// but without its population count still counts with AVX2.
  package static func best(_ operands: Operands, _ set: InstructionSet) -> Kernel {
    let order = InstructionSet.allCases
    let fitting = kernels.filter { kernel in
      kernel.operands == operands && kernel.isAvailable
        && (order.firstIndex(of: kernel.instructionSet) ?? 0) <= (order.firstIndex(of: set) ?? 0)
    }
    return fitting.last ?? kernels[0]
  }
}

/// All kernels, slower ones first. Dispatch, tests and `signum list kernels` read this list.
package let kernels: [Kernel] = portableKernels + vectorKernels

private let portableKernels: [Kernel] = [
  Kernel(.floatFloat, .reference, "any processor", signumFloatReference),
  Kernel(.binaryFloat, .reference, "any processor", signumBinaryReference),
  Kernel(.binaryBinary, .reference, "any processor", signumBitsReference),
  Kernel(.codedFloat, .reference, "any processor", signumCodedReference),
  Kernel(.codedBinary, .reference, "any processor", signumCodedBitsReference),
  Kernel(.floatFloat, .portable, "any processor", signumFloatPortable),
  Kernel(.binaryFloat, .portable, "any processor", signumBinaryPortable),
  Kernel(.binaryBinary, .portable, "any processor", signumBitsPortable),
  Kernel(.codedFloat, .portable, "any processor", signumCodedPortable),
  Kernel(.codedBinary, .portable, "any processor", signumCodedBitsPortable),
]

#if arch(x86_64)
  private let vectorKernels: [Kernel] = [
    Kernel(.floatFloat, .avx2, "AVX2, FMA", signumFloatAVX2),
    Kernel(.binaryFloat, .avx2, "AVX2, FMA", signumBinaryAVX2),
    Kernel(.binaryBinary, .avx2, "AVX2, FMA", signumBitsAVX2),
    Kernel(.codedFloat, .avx2, "AVX2, FMA", signumCodedAVX2),
    Kernel(.codedBinary, .avx2, "AVX2, FMA", signumCodedBitsAVX2),
    Kernel(.floatFloat, .avx512, "AVX-512 F, BW, VL, DQ", signumFloatAVX512),
    Kernel(.binaryFloat, .avx512, "AVX-512 F, BW, VL, DQ", signumBinaryAVX512),
    Kernel(.binaryBinary, .avx512, "AVX-512 F, BW, VL, DQ, VPOPCNTDQ", signumBitsAVX512) {
      signumHasPopulationCount512()
    },
    Kernel(.codedFloat, .avx512, "AVX-512 F, BW, VL, DQ", signumCodedAVX512),
    Kernel(.codedBinary, .avx512, "AVX-512 F, BW, VL, DQ, VPOPCNTDQ", signumCodedBitsAVX512) {
      signumHasPopulationCount512()
    },
  ]
#else
  private let vectorKernels: [Kernel] = []
#endif

extension Kernel {
  fileprivate init(
    _ operands: Operands, _ instructionSet: InstructionSet, _ requires: String,
    _ function:
      @escaping @convention(c) @Sendable (
        UnsafePointer<SignumConvolution>?, UnsafeRawPointer?, UnsafeMutablePointer<Float>?, UnsafeMutableRawPointer?
      ) -> Void,
    isSupported: @escaping @Sendable () -> Bool = { true }
  ) {
    self.operands = operands
    self.instructionSet = instructionSet
    self.requires = requires
    self.function = function
    self.isSupported = isSupported
  }
}

import ArgumentParser
import Compute
import Foundation
import Importers
import Packed
import Pipeline

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show what this machine gives signum, or how the operators of a network run on it.",
    discussion: """
      SIGNUM_ISA=reference|portable|avx2|avx512 chooses the instruction set of the packed \
      kernels, SIGNUM_THREADS their threads, and OMP_NUM_THREADS those of training. The \
      packed results are the same bits for every choice.

      With a float network it tells for each kind of operator on which path it runs in \
      training: a oneDNN primitive, a fused loop, moved numbers, or a plain loop; and what is \
      slow, with its share of the work.

      Example:

        signum doctor mobilenet.onnx
      """)

  @Argument(help: ArgumentHelp("A float network; without one the machine is shown.", valueName: "model"))
  var model: String?

  @OptionGroup var shapes: ShapeArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    if let model {
      let diagnosis = try shapes.given { try Diagnosis(of: model) }
      return json ? try Console.printJSON(diagnosis) : print(diagnosis.table)
    }
    let chosen = try InstructionSet.chosen()
    var rows: [(String, String)] = [
      ("signum", Signum.version),
      ("processor features", InstructionSet.processorFeatures.joined(separator: "; ")),
      ("instruction sets", InstructionSet.available.map(\.rawValue).joined(separator: ", ")),
      ("instruction set", chosen.rawValue),
    ]
    for operands in Kernel.Operands.allCases {
      rows.append(("kernel \(operands.rawValue)", Kernel.best(operands, chosen).name))
    }
    rows += [
      ("oneDNN", Processor.oneDNNVersion), ("HDF5", HDF5Library.version), ("protobuf-c", ProtobufLibrary.version),
      ("training threads", "\(Processor.threadCount)"),
      ("processors", "\(ProcessInfo.processInfo.activeProcessorCount)"),
      ("thread waiting", ProcessInfo.processInfo.environment["OMP_WAIT_POLICY"] ?? "active"),
    ]
    if json { return try Console.printJSON(Dictionary(uniqueKeysWithValues: rows)) }
    for (name, value) in rows { print(name.padding(toLength: 26, withPad: " ", startingAt: 0) + value) }
  }
}

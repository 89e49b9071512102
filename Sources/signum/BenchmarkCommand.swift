import ArgumentParser

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Time training steps on this machine.",
    discussion: """
      Without a subcommand it is 'signum benchmark training'. Time it on a machine that \
      does nothing else; 'make benchmark-training' runs PyTorch in turn with it.

      Examples:

        signum benchmark training resnet20 --threads 2
        signum benchmark fixtures/demo/fashion_resnet8.onnx
      """,
    subcommands: [TrainingBenchmarkCommand.self], defaultSubcommand: TrainingBenchmarkCommand.self)
}

import ArgumentParser
import Methods

/// Commands and options that there are none of, with the nearest that there is.
///
/// The argument parser says first what is missing; whoever wrote `--dat` has not left out `--data`, but misspelt it.
struct Spelling {
  /// Each in words; empty where the trouble is another one.
  private(set) var problems: [String] = []
  /// The command that was meant.
  private var command: any ParsableCommand.Type = SignumCommand.self

  /// - Parameter arguments: without the name of the program.
  init(_ arguments: [String]) {
    var rest = arguments[...]
    while !command.configuration.subcommands.isEmpty, let word = rest.first, !word.hasPrefix("-") {
      let known = command.configuration.subcommands
      if word == "help" { return }
      guard let next = known.first(where: { $0.configuration.commandName == word }) else {
        if command.configuration.defaultSubcommand != nil { break }
        let shown = known.filter { $0.configuration.shouldDisplay }.compactMap { $0.configuration.commandName }
        problems = ["there is no command '\(word)'" + suggestion(for: word, among: shown)]
        return
      }
      (command, rest) = (next, rest.dropFirst())
    }
    // What stands where a command could is for the one that needs no name.
    command = command.configuration.defaultSubcommand ?? command
    let options = options
    for word in rest.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
      let name = String(word.prefix { $0 != "=" })
      guard !options.contains(name), !Self.parsersOwn.contains(name) else { continue }
      problems.append("there is no option '\(name)'" + suggestion(for: name, among: options))
    }
  }

  /// Options that every command has and no help shows.
  private static let parsersOwn = ["--generate-completion-script", "--experimental-dump-help", "--help-hidden"]

  /// What stands before the explanations in the help, and nowhere else can be asked for.
  private var options: [String] {
    let lines = SignumCommand.helpMessage(for: command).split(separator: "\n").filter { $0.hasPrefix("  -") }
    return lines.flatMap { line in
      line.split(separator: " ").prefix { $0.hasPrefix("-") || $0.hasPrefix("<") }
        .map { String($0.prefix { $0 != "," }) }.filter { $0.hasPrefix("--") }
    }
  }

  /// As the argument parser ends what it says of wrong arguments.
  var usage: String {
    let usage = SignumCommand.usageString(for: command)
    let name = usage.split(separator: " ").prefix { !"<[-".contains($0.first!) }.joined(separator: " ")
    return "Usage: \(usage)\n  See '\(name) --help' for more information."
  }
}

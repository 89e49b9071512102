import Foundation

// signum-fuzz: changed files for everything that reads files which nobody has checked.
//
//   signum-fuzz list
//   signum-fuzz TARGET --seconds N [--seed N] [--findings FOLDER]

var arguments = Array(CommandLine.arguments.dropFirst())
guard let name = arguments.first, !name.hasPrefix("-") else { Fuzzing.usage() }
arguments.removeFirst()
if name == "list" {
  for target in FuzzTarget.all { print(target.name) }
  exit(0)
}
guard let target = FuzzTarget.all.first(where: { $0.name == name }) else { Fuzzing.usage() }
var options = Fuzzing.Options()
while let flag = arguments.first {
  guard arguments.count >= 2 else { Fuzzing.usage() }
  let value = arguments[1]
  arguments.removeFirst(2)
  switch (flag, Int(value)) {
  case ("--seconds", let number?) where number > 0: options.seconds = number
  case ("--seed", let number?) where number >= 0: options.seed = UInt64(number)
  case ("--findings", _): options.findings = value
  // What the parent tells its child: where to go on, and where the file lies that is being read.
  case ("--from", let number?) where number >= 0: options.from = number
  case ("--scratch", _): options.scratch = value
  default: Fuzzing.usage()
  }
}
exit(options.scratch == nil ? Fuzzing.watch(target, options) : Fuzzing.work(target, options))

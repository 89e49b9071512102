import Foundation

// signum-conformance FOLDER CASES FAILURES [--models]: runs the cases of a list on the importer and prints a table;
// with --models they are whole models, each of which gets a line. They run in a process of their own, so that one that
// crashes or hangs costs only itself.

let usage = "usage: signum-conformance FOLDER CASES FAILURES [--models]\n"
let seconds: UInt32 = 60

func complain(_ text: String, exitCode: Int32) -> Never {
  FileHandle.standardError.write(Data(text.utf8))
  exit(exitCode)
}

/// Reasons stand on one line.
func flat(_ text: String) -> String { text.replacing("\n", with: " | ").replacing("\t", with: " ") }

/// Runs the cases from a number on and prints a line for each.
func work(_ cases: [ConformanceCase], in folder: String, from first: Int, asModels: Bool) {
  for index in first..<cases.count {
    alarm(seconds)
    let line =
      switch cases[index].run(in: folder, asModel: asModels) {
      case .passed(let note): "pass\t\(flat(note))"
      case .refused(let reason): "skip\t\(flat(reason))"
      case .wrong(let reason): "fail\t\(flat(reason))"
      }
    print("\(index)\t\(line)")
    fflush(nil)
  }
}

/// The outcome that a line of a worker tells, with the number of its case.
func outcome(_ line: Substring) -> (Int, ConformanceCase.Outcome)? {
  let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
  guard parts.count == 3, let index = Int(parts[0]) else { return nil }
  switch parts[1] {
  case "pass": return (index, .passed(note: parts[2]))
  case "skip": return (index, .refused(parts[2]))
  default: return (index, .wrong(parts[2]))
  }
}

let asModels = CommandLine.arguments.contains("--models")
let arguments = CommandLine.arguments.dropFirst().filter { $0 != "--models" }
guard arguments.count == 3 || arguments.count == 4 else { complain(usage, exitCode: 64) }
guard let text = try? String(contentsOfFile: arguments[1], encoding: .utf8) else {
  complain("\(arguments[1]): cannot be read\n", exitCode: 1)
}
let cases = ConformanceCase.list(text)

if arguments.count == 4 {
  guard let first = Int(arguments[3]), cases.indices.contains(first) else { complain(usage, exitCode: 64) }
  work(cases, in: arguments[0], from: first, asModels: asModels)
  exit(0)
}

var report = ConformanceReport()
while report.results.count < cases.count {
  let worker = Process()
  worker.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
  worker.arguments = arguments + ["\(report.results.count)"] + (asModels ? ["--models"] : [])
  let pipe = Pipe()
  worker.standardOutput = pipe
  worker.standardError = FileHandle.nullDevice
  do { try worker.run() } catch { complain("cannot start a worker: \(error)\n", exitCode: 1) }
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  worker.waitUntilExit()
  for line in output.split(separator: "\n") {
    guard let (index, outcome) = outcome(line), index == report.results.count else { continue }
    report.results.append((cases[index], outcome))
  }
  if report.results.count < cases.count {
    let status = worker.terminationStatus
    let reason =
      worker.terminationReason == .exit
      ? "ended with \(status)" : status == SIGALRM ? "took longer than \(seconds) s" : "crashed: signal \(status)"
    report.results.append((cases[report.results.count], .wrong(reason)))
  }
}
print(asModels ? report.list : report.table)
let passed = report.total.passed
let known = asModels ? "" : ", \(report.passedWithKnownInputs) of them with inputs known while importing"
print("\(passed) of \(cases.count) passed\(known)")
do { try report.failures.write(toFile: arguments[2], atomically: true, encoding: .utf8) } catch {
  complain("\(arguments[2]): cannot be written\n", exitCode: 1)
}
print("what did not pass, and why: \(arguments[2])")
exit(passed == cases.count ? 0 : 2)

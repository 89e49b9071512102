import Foundation
import Pipeline
import TestSupport
import Testing

struct PageTests {
  private func page(_ name: String, _ lines: [String]) -> String {
    Page([.init(name: name, log: RunLog(Data(lines.joined().utf8)))]).html
  }

  private static let result = """
    "outcome":"verified","report":{"method":"xnor","floatBytes":4000,"packedBytes":400,"evaluatedOn":"<i>t</i>",\
    "verification":{"floatTop1":0.9,"packedTop1":0.8,"passes":true,"images":10},"layers":[\
    {"name":"a<b>&\\"c","alphabet":"binary","weights":90,"weightBits":1,"activationBits":32,"bytes":20,"zeros":0,\
    "error":0.25},{"name":"last","alphabet":"float","weights":10,"weightBits":32,"activationBits":32,"bytes":40,\
    "zeros":0.1}]}
    """

  /// The same of networks without a byte.
  private static let nothing = result.replacing(
    "\"floatBytes\":4000,\"packedBytes\":400", with: "\"floatBytes\":0,\"packedBytes\":0")

  /// Whether the markup nests as it should, with every tag closed.
  private func isWellFormed(_ html: String) -> Bool {
    var open: [Substring] = []
    for piece in html.split(separator: "<").dropFirst() {
      guard let end = piece.firstIndex(of: ">") else { return false }
      let tag = piece[..<end]
      let name = tag.prefix { $0 == "/" || $0 == "!" || $0.isLetter || $0.isNumber }
      if name.hasPrefix("/") {
        guard open.popLast() == name.dropFirst() else { return false }
      } else if !tag.hasSuffix("/") && name != "meta" && name != "!DOCTYPE" {
        open.append(name)
      }
    }
    return open.isEmpty
  }

  @Test func showsARun() {
    let html = page(
      "run",
      [RunLogTests.line("start", 0, RunLogTests.recipe), RunLogTests.epoch(10, 1), RunLogTests.epoch(20, 2)]
        + [RunLogTests.line("warning", 21, "\"message\":\"mind the gap\""), RunLogTests.line("end", 22, Self.result)])
    #expect(isWellFormed(html))
    for text in ["Loss by epoch", "Top-1 by epoch", "80.00 %", "-10.00", "10.0 ×", "0.250", "mind the gap", "1/32"] {
      #expect(html.contains(text), "\(text)")
    }
    #expect(!html.contains("http") && !html.contains("<script"))
  }

  /// However its path is written, and however often.
  @Test func aLogThatIsNamedTwiceIsOneRun() throws {
    let folder = try TemporaryFolder()
    for name in ["a.jsonl", "b.jsonl"] {
      let lines = [RunLogTests.line("start", 0, RunLogTests.recipe), RunLogTests.epoch(10, 1)]
      try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: folder.path(name)))
    }
    try FileManager.default.createSymbolicLink(atPath: folder.path("c.jsonl"), withDestinationPath: "a.jsonl")
    let page = try Page(of: ["a.jsonl", "./a.jsonl", "b.jsonl", "c.jsonl"].map { folder.path($0) })
    #expect(page.runs.map(\.name) == ["a.jsonl", "b.jsonl"] && page.missing.isEmpty)
  }

  /// A job that failed before it had a log is part of what a zoo came to.
  @Test func jobsWithoutALogAreNamed() {
    let log = RunLog(Data(RunLogTests.line("start", 0, RunLogTests.recipe).utf8))
    let html = Page(
      [.init(name: "run", log: log)], missing: [.init(name: "net × xnor", state: "failed: there is no <such> file")]
    ).html
    #expect(isWellFormed(html) && html.contains("0 of 2 finished"))
    #expect(html.contains("<li>net × xnor: failed: there is no &lt;such&gt; file</li>"))
  }

  @Test func aPageIsWrittenOverAPageAlone() throws {
    let folder = try TemporaryFolder()
    let page = Page([.init(name: "run", log: RunLog(Data(RunLogTests.line("start", 0, RunLogTests.recipe).utf8)))])
    for _ in 0..<2 { try Page.write(page, to: folder.path("a.html"), sources: []) }
    let other = folder.path("zoo.yaml")
    try Data("models: {}\n".utf8).write(to: URL(fileURLWithPath: other))
    #expect {
      try Page.write(page, to: other, sources: [])
    } throws: {
      "\($0)".contains("zoo.yaml: is there, and is no page that signum wrote; remove it, or name another file to write")
    }
    #expect(try String(contentsOfFile: other, encoding: .utf8) == "models: {}\n")
  }

  /// Every name comes from a file that somebody else may have written.
  @Test func nothingFromAFileIsMarkup() {
    let bad = "\"</style><script>alert('1')</script>&"
    let start = RunLogTests.line("start", 0, RunLogTests.recipe.replacing("net.onnx", with: "<img src=x>.onnx"))
    let html = page(bad, [start, RunLogTests.epoch(10, 1), RunLogTests.line("end", 22, Self.result)])
    #expect(isWellFormed(html))
    #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>") && !html.contains("<i>t"))
    #expect(html.contains("&quot;&lt;/style&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;"))
    #expect(html.contains("a&lt;b&gt;&amp;&quot;c"))
  }

  @Test func drawsWhatThereIs() {
    let start = RunLogTests.line("start", 0, RunLogTests.recipe)
    for lines in [
      [start], [start, RunLogTests.epoch(10, 1)], [start, RunLogTests.epoch(10, 1, loss: "\"nan\"")],
      [start, RunLogTests.epoch(10, 1, loss: "\"inf\""), RunLogTests.line("end", 12, "\"outcome\":\"failed\"")],
      [start, RunLogTests.line("end", 12, Self.result.replacing("\"layers\":[", with: "\"other\":["))],
      [start, RunLogTests.line("end", 12, Self.result.replacing("0.9", with: "0.8").replacing("4000", with: "400"))],
      [start, RunLogTests.line("end", 12, Self.nothing)],
    ] {
      let html = page("run", lines)
      #expect(isWellFormed(html))
      #expect(!html.contains("nan\"") && !html.contains("inf\"") && !html.contains("-nan"), "\(lines)")
    }
  }
}

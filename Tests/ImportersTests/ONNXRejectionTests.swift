import Foundation
import Graphs
import Tensors
import Testing

@testable import Importers

@Suite("ONNX files that cannot be imported are refused by name")
struct ONNXRejectionTests {
  /// What is said of each file, after its name.
  static let messages = [
    "attributes_without_end": "has more than 1048576 inputs, outputs and attributes of functions",
    "cast_to_float8": "node 'cast' (Cast): rounding to FLOAT8E4M3FN is not supported",
    "graph_twice": "is not an ONNX model: a message that occurs twice at byte 85",
    "pool_without_end": "node 'pool' (MaxPool): computes too much from constants while importing",
    "resize_without_end":
      "node 'resize' (Resize): computes too many numbers from constants: its output has the shape [65552, 16382]",
    "cycle": "node 'add.a' (Add): reads 'b', which nothing before it computes",
    "deep": "is nested deeper than 64 levels",
    "empty": "is empty",
    "dims_disagree": "constant 'w': the shape [4] of FLOAT does not fit 20 bytes of data",
    "dims_many": "constant 'w': has the impossible shape \([Int](repeating: 1, count: 40))",
    "dims_negative": "constant 'w': has the impossible shape [-4]",
    "dims_overflow": "constant 'w': has the impossible shape [4294967296, 4294967296]",
    "dims_wrap": "constant 'w': has the impossible shape [4611686018427387904, 4, 4]",
    "external_absolute": "constant 'w': its data must stand beside the model, not at '/etc/passwd'",
    "external_escape": "constant 'w': its data must stand beside the model, not at '../../secret'",
    "external_folder": "constant 'w': the file '.' with its data is not a regular file",
    "external_length":
      "constant 'w': its data is 16 bytes long from byte 60 of 'zeros.onnx', which has 64",
    "external_missing": "constant 'w': its data is missing: put the file 'nowhere.data' beside the model",
    "external_negative": "constant 'w': its data begins at byte -8 of 'zeros.onnx', which has 64",
    "external_nowhere": "constant 'w': has no 'location' of its data",
    "external_overflow": "constant 'w': its data begins at byte 9223372036854775807 of 'zeros.onnx', which has 64",
    "external_words": "constant 'w': its data begins at byte 0x10 of 'zeros.onnx', which has 64",
    "external_windows": "constant 'w': its data must stand beside the model, not at '..\\\\secret'",
    "external_range":
      "constant 'w': its data begins at byte 9223372036854775807 of 'zeros.onnx', which has 64",
    "hides_constant": "node 'relu.w' (Relu): computes 'w', which is there already",
    "hides_input": "node 'relu.input' (Relu): computes 'input', which is there already",
    "huge_constant":
      "node 'huge' (ConstantOfShape): computes too many numbers from constants: its output has the shape [1048576, 1048576]",
    "computed_condition":
      "node 'choose' (If): input 0 ('c') must be a constant, but is computed from 'input'",
    "computed_shape":
      "node 'free' (Reshape): input 1 ('s') must be a constant, but is computed from 'input'",
    "mask": "node 'relu' (Relu): reads 'mask', output 1 of node 'pool' (MaxPool), which is not supported",
    "noise": "is not an ONNX model: a field of no known kind at byte 0",
    "open_axis": "input 'input': its size along axis 2 is open: give it with --shape input=1x2xNxN",
    "opset5": "operator set 5 is not supported, only 6 to 27",
    "pointer": "is a Git LFS pointer, not the model; fetch the model with 'git lfs pull'",
    "overflow": "node 'mul' (Mul): 1099511627776 and 1099511627776 give no integer",
    "self_cycle": "node 'add.output' (Add): reads 'output', which nothing before it computes",
    "short_weight": "constant 'w': the shape [3, 2, 3, 3] of FLOAT does not fit 40 bytes of data",
    "string_input": "input 'input': holds STRING; only numbers are supported as inputs",
    "function_of_another_set":
      "node 'call' (F0): is a function of operator set 17, but the model is of 18: convert one of them",
    "function_of_two":
      "node 'call' (F0): its function takes 0 inputs and gives 1 outputs, not 1 and 1",
    "function_twice": "has two functions 'own.F0'",
    "functions_in_a_circle": "its functions call each other in a circle, or more than 64 deep",
    "functions_without_end": "has more than 262144 nodes of functions",
    "sparse_constant": "constant 'thin': is sparse, which is not supported: save it with all its numbers",
    "text": "is a text file, not a model",
    "truncated": "is damaged or cut short: the field at byte 19 is 12388 bytes long, 6185 are left",
    "slices_batch": "node 'half' (Slice): takes a part of the batch, which is not supported",
    "twice_constant": "constant 'w': occurs twice",
    "twice_input": "input 'input': is declared twice",
    "twice_output": "node 'neg.output' (Neg): computes 'output', which is there already",
    "unknown_value": "node 'add' (Add): reads 'ghost', which nothing before it computes",
    "zeros": "is not an ONNX model: a field of no known kind at byte 0",
    "wrong_channels": "node 'conv1' (Conv): the image has 5 channels, the kernel wants 1 groups of 2",
  ]

  @Test("a rejected file", arguments: messages.keys.sorted())
  func rejected(_ name: String) {
    #expect(message(Fixtures.path("onnx/rejected/\(name).onnx")) == "\(name).onnx: \(Self.messages[name]!)")
  }

  @Test("every rejected file has its message") func complete() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("onnx/rejected")).sorted()
    #expect(files == (Self.messages.keys + ["loop", "several"]).map { "\($0).onnx" }.sorted())
  }

  @Test("all problems are reported together, and what to do") func several() {
    let lines = message(Fixtures.path("onnx/rejected/several.onnx")).split(separator: "\n")
    #expect(
      lines.dropLast() == [
        "several.onnx: node 'conv1' (Conv): 'kernel_shape' has 3 entries, expected 2",
        "several.onnx: node 'pool' (MaxPool): 'kernel_shape' is missing",
        "several.onnx: 2 nodes (Det): this operator is not supported: 'det1', 'det2'",
        "several.onnx: node 'noise1' (RandomNormalLike): this operator is not supported",
        "several.onnx: node 'fused' (com.microsoft.FusedConv): this operator is not supported",
        "several.onnx: node 'places' (NonZero of computed values): this operator is not supported",
      ])
    #expect(lines.last?.hasPrefix("several.onnx: supported operators are Abs, Acos, Acosh, Add, And, ") == true)
    #expect(
      lines.last?.hasSuffix(
        "of constants BitCast, NonZero, Range, Unique; export the model without the others, or cut it before them"
      )
        == true)
  }

  @Test("a loop is an operator that is not supported") func loop() {
    let lines = message(Fixtures.path("onnx/rejected/loop.onnx")).split(separator: "\n")
    #expect(lines.first == "loop.onnx: node 'loop' (Loop): this operator is not supported")
    #expect(lines.count == 2 && lines.last?.contains("supported operators are") == true)
  }

  @Test("a file that is not there, a folder, an unknown kind") func paths() {
    let missing = Fixtures.path("onnx/nowhere.onnx")
    #expect(message(missing) == "nowhere.onnx: no such file: \(missing)")
    let known = "known are onnx, h5, hdf5, keras, json"
    #expect(message(Fixtures.path("onnx")) == "onnx: has no file extension; \(known)")
    #expect(message("model.gguf") == "model.gguf: has the unknown file extension 'gguf'; \(known)")
    #expect(throws: ImportError(Fixtures.path("onnx"), .notAFile)) {
      try ONNXImporter.graph(from: Fixtures.path("onnx"))
    }
  }

  @Test("what the file leaves open can be given") func openAxis() throws {
    let path = Fixtures.path("onnx/rejected/open_axis.onnx")
    let graph = try importGraph(from: path, inputShapes: ["input": [1, 2, 6, 7]])
    #expect(graph[graph.outputs[0]].shape == [1, 2, 6, 7])
    #expect(
      message(path, ["image": [1, 2, 6, 7], "input": [1, 2, 6, 7]])
        == "open_axis.onnx: a shape is given for 'image', but the inputs are input")
  }

  @Test("a name in a file does not steer the terminal, and many problems are cut short") func printing() {
    let problem = ImportError.Problem.node(name: "a\u{1B}[2J\n", operation: "Conv", problem: "is odd")
    #expect(ImportError("m.onnx", problem).description == "m.onnx: node 'a\u{FFFD}[2J\u{FFFD}' (Conv): is odd")
    let lines = ImportError("m.onnx", Array(repeating: problem, count: 60)).description.split(separator: "\n")
    #expect(lines.count == 51 && lines.last == "m.onnx: and 10 problems more")
  }

  private func message(_ path: String, _ shapes: [String: Shape] = [:]) -> String {
    do {
      return "imported \(try importGraph(from: path, inputShapes: shapes).nodes.count) nodes"
    } catch { return error.description }
  }
}

import Foundation
import Tensors
import Testing

@testable import Importers

@Suite("Weights of Keras models are found by name")
struct KerasNameTests {
  @Test("classes are named in the tree as Keras names them") func snakeCase() {
    let names = [
      "Conv2D": "conv2d", "DepthwiseConv2D": "depthwise_conv2d",
      "Conv2DTranspose": "conv2d_transpose",
      "PReLU": "p_re_lu", "LeakyReLU": "leaky_re_lu", "ReLU": "re_lu", "LSTM": "lstm",
      "MaxPooling2D": "max_pooling2d",
      "BatchNormalization": "batch_normalization", "ELU": "elu",
      "MultiHeadAttention": "multi_head_attention",
      "SimpleRNN": "simple_rnn", "SpatialDropout1D": "spatial_dropout1d",
    ]
    for (type, name) in names { #expect(type.snakeCase == name) }
  }

  /// A file that is nothing but names and shapes.
  private final class Listing: HDF5Source {
    let objects: [HDF5Object]
    init(_ names: [String], groups: [String] = []) {
      objects =
        [HDF5Object(name: "", kind: .group)] + groups.map { HDF5Object(name: $0, kind: .group) }
        + names.map { HDF5Object(name: $0, kind: .dataset, shape: [2], type: "float32") }
    }
    func tensor(at index: Int) throws(ImportError) -> Tensor {
      Tensor([2], repeating: Float(index))
    }
  }

  private func found(
    _ names: [String], _ variable: KerasVariable, _ layers: String...
  ) -> String {
    do {
      let store = try KerasStore([Listing(names)])
      return try store.dataset(of: variable, KerasWeightPlace(names: layers, group: ""))
    } catch {
      return (error as? DataProblem)?.words ?? "\(error)"
    }
  }

  @Test("in groups of layers, whatever the order and the scope") func groups() {
    let kernel = KerasVariable("kernel", "W", index: 0)
    #expect(found(["c/c/bias:0", "c/c/kernel:0"], kernel, "c") == "c/c/kernel:0")
    // The scope may have another name than the layer: TensorFlow makes names unique.
    #expect(found(["norm/norm_1_1/kernel:0"], kernel, "norm") == "norm/norm_1_1/kernel:0")
    #expect(found(["c/c_W"], kernel, "c") == "c/c_W")
    // In a network the name of the layer must be there: another layer's weight is none of its own.
    #expect(
      found(["net/a/kernel"], kernel, "net", "b").hasPrefix(
        "its weight 'kernel' is not in the file; there are 'net/a/kernel'"))
    #expect(found(["net/a/kernel", "net/b/kernel"], kernel, "net", "b") == "net/b/kernel")
    #expect(
      found(["net/a/kernel", "net/tail/a/kernel"], kernel, "net", "tail", "a")
        == "net/tail/a/kernel")
    #expect(
      found(["net/a/kernel", "net/tail/a/kernel"], kernel, "net", "head", "a") == "net/a/kernel")
    #expect(
      found(["net/x/a/kernel", "net/y/a/kernel"], kernel, "net", "head", "a").contains(
        "could be any of"))
    #expect(
      found([], kernel, "c") == "its weight 'kernel' is not in the file; there are none for it")
  }

  @Test("layers in layers") func parts() {
    let query = KerasVariable("kernel", index: 0).inside(["query"], ["query_dense"])
    #expect(found(["m/m/key/kernel", "m/m/query/kernel"], query, "m") == "m/m/query/kernel")
    let cell = KerasVariable("kernel", index: 0).inside(["lstm_cell"], ["cell"], optional: true)
    #expect(found(["l/l/lstm_cell_7/kernel:0"], cell, "l") == "l/l/lstm_cell_7/kernel:0")
    #expect(found(["l/l/kernel:0"], cell, "l") == "l/l/kernel:0")
  }

  private func layer(_ name: String, _ type: String) -> KerasLayer {
    KerasLayer(name: name, type: type, module: "keras.layers", owner: nil, config: [:], calls: [], network: nil)
  }

  @Test("in the tree by class and counter, or by the name that is written there") func tree() throws {
    let layers = [layer("a", "Conv2D"), layer("b", "Dense"), layer("c", "Conv2D")]
    let plain = try KerasStore([Listing([], groups: ["layers"])])
    #expect(
      plain.groups(of: layers, in: "") == [
        "a": "layers/conv2d", "b": "layers/dense", "c": "layers/conv2d_1",
      ])
    let inner = try KerasStore([Listing([], groups: ["layers", "layers/functional/layers"])])
    #expect(
      inner.groups(of: layers, in: "layers/functional")["c"] == "layers/functional/layers/conv2d_1")
    // Keras 2.12 counts a layer with weights twice.
    let old = try KerasStore([
      Listing(
        [],
        groups: ["conv2d/vars", "conv2d_2/vars", "dense/vars"].flatMap { name in
          [
            "_layer_checkpoint_dependencies/\(name)",
            "_layer_checkpoint_dependencies/\(name.dropLast(5))",
          ]
        } + ["_layer_checkpoint_dependencies"])
    ])
    #expect(old.groups(of: layers, in: "")["c"] == "_layer_checkpoint_dependencies/conv2d_2")
  }

  @Test("a name in the tree is worth more than a counter") func names() throws {
    final class Named: HDF5Source {
      let objects = [
        HDF5Object(name: "layers", kind: .group),
        HDF5Object(name: "layers/conv2d/vars", kind: .group, attributes: ["name": ["c"]]),
        HDF5Object(name: "layers/conv2d_1/vars", kind: .group, attributes: ["name": ["a"]]),
      ]
      func tensor(at index: Int) throws(ImportError) -> Tensor { Tensor(scalar: 0) }
    }
    let store = try KerasStore([Named()])
    let groups = store.groups(of: [layer("a", "Conv2D"), layer("c", "Conv2D")], in: "")
    #expect(groups == ["a": "layers/conv2d_1", "c": "layers/conv2d"])
  }

  /// Layers may be called as the group of the optimizer is.
  @Test(
    "what an optimizer keeps is none of the tensors",
    arguments: [
      (["model_weights", "optimizer_weights"], ["model_weights/d/kernel:0", "optimizer_weights/adam/m:0"], 1),
      (["layers", "optimizer/vars"], ["layers/dense/vars/0", "optimizer/vars/0", "optimizer/vars/1"], 2),
      (
        ["_layer_checkpoint_dependencies"],
        ["_layer_checkpoint_dependencies/dense/vars/0", "optimizer/inner_optimizer/vars/0"], 1
      ),
      (["optimizer", "optimizer_weights"], ["optimizer/optimizer/kernel:0", "optimizer_weights/w"], 0),
      (["optimizer_weights_too", "model_weights"], ["model_weights/d/w", "optimizer_weights_too/w"], 0),
    ])
  func optimizer(_ groups: [String], _ names: [String], _ count: Int) throws {
    let source = try HDF5Tensors(Fixtures.path("keras/plain_k2.h5")) { _ in Listing(names, groups: groups) }
    #expect(source.entries.map(\.name) == Array(names.dropLast(count)))
    let words = "left out are \(count) arrays of the optimizer: only training that goes on reads them"
    #expect(source.notes == (count == 0 ? [] : [words]))
  }

  @Test("the tensors of a file are listed and read without a network") func tensors() throws {
    for (file, name, shape) in [
      ("beside_k3.weights.h5", "layers/conv2d/vars/0", [3, 3, 1, 4]),
      ("plain_k2.h5", "model_weights/conv/conv/kernel:0", [3, 3, 1, 4]),
      ("plain_k3.keras", "layers/dense/vars/1", [5]),
      ("bfloat16_k3.keras", "layers/dense/vars/0", [4, 3]),
    ] {
      let source = try HDF5Tensors(Fixtures.path("keras/\(file)"), opening: HDF5Reading.open)
      let entry = try #require(source.entries.first { $0.name == name })
      #expect(
        entry.shape == shape && entry.type == (file.hasPrefix("bfloat16") ? "bfloat16" : "float32"))
      let tensor = try source.read(name)
      #expect(
        tensor.shape == Shape(shape) && tensor.largestMagnitude > 0 && tensor.largestMagnitude < 10)
      #expect(throws: ImportError.self) { try source.read("nothing") }
    }
  }
}

@Suite("JSON of strangers")
struct JSONReaderTests {
  private func value(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

  @Test("values, as Python writes them") func values() throws {
    #expect(
      try value(" {\"a\": [1, -2.5e3, true, null], \"b\": \"x\\u00e9\\n\\ud83d\\ude00\"} ")
        == .object([
          "a": .array([.number(1), .number(-2500), .boolean(true), .null]), "b": .string("xé\n😀"),
        ]))
    #expect(
      try value("[Infinity, -Infinity]") == .array([.number(.infinity), .number(-.infinity)]))
    #expect(try value("NaN").number!.isNaN)
    // Byte code holds halves of pairs, which Python writes as they are.
    #expect(try value("\"\\ud83d\"") == .string("\u{FFFD}"))
    #expect(
      try value("3").integer == 3 && value("3.5").integer == nil && value("1e300").integer == nil)
  }

  @Test(
    "what is not well-formed has its place",
    arguments: [
      ("", "a value is missing at byte 0"), ("[1, ]", "a value is missing at byte 4"),
      ("[1 2]", "']' is missing at byte 3"),
      ("{\"a\" 1}", "':' is missing at byte 5"),
      ("{\"a\": 1, \"a\": 2}", "the key 'a' stands twice at byte 12"),
      ("\"abc", "'\"' is missing at byte 4"), ("\"\\x\"", "an escape is not known at byte 3"),
      ("1 2", "something follows the end at byte 2"),
      ("\"\\u12\"", "four hexadecimal digits are missing"), ("tru", "a value is missing at byte 0"),
      ("--", "a value is missing"),
    ])
  func refusals(_ text: String, _ words: String) {
    var message = "nothing"
    do { _ = try value(text) } catch { message = "\(error)" }
    #expect(message.contains(words), "\(message)")
  }
}

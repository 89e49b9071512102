import Foundation
import Pipeline
import Tensors
import Training

extension FuzzTarget {
  /// What the program itself and its users write: recipes, zoos, logs, checkpoints.
  static var texts: [FuzzTarget] { [recipe, zoo, log, checkpoint] }

  private static var recipe: FuzzTarget {
    FuzzTarget(name: "recipe", fileExtension: "yaml", corpus: { shippedRecipes.map { [UInt8]($0.yaml.utf8) } }) {
      _ = try Recipe(contentsOf: $0)
    }
  }

  private static var zoo: FuzzTarget {
    FuzzTarget(name: "zoo", fileExtension: "yaml", corpus: { [[UInt8](smallZoo.utf8)] }) { path in
      let zoo = try ZooFile(path)
      for model in zoo.models {
        for recipe in zoo.recipes { _ = Result { try zoo.recipe(recipe, for: model) } }
      }
    }
  }

  private static let smallZoo = """
    models:
      one: {file: one.onnx, data: cifar10/}
      two: {file: two.h5, data: mnist/, evaluate-on: other/, recipes: ["best-*"]}
    recipes:
      best: best-15-epochs
      own: {recipe: xnor-1w32a, set: {epochs: 3, options: {}, schedule: linear, teacher: big.onnx}}
    exports: [packed, onnx]
    set: {validation: 0.1}
    overrides:
      - {model: two, recipe: "*", set: {seed: 2, structure: [bi-real]}}

    """

  /// Reads a log and draws its page.
  private static var log: FuzzTarget {
    FuzzTarget(name: "log", fileExtension: "jsonl", corpus: { contents(of: files(below: "fixtures/logs", "jsonl")) }) {
      path in
      _ = Page([.init(name: "changed", log: try RunLog(contentsOf: path))]).html
    }
  }

  private static var checkpoint: FuzzTarget {
    FuzzTarget(name: "checkpoint", fileExtension: "checkpoint", corpus: { [small] }) { path in
      _ = try CheckpointFile.decode(sealed(Data(contentsOf: URL(fileURLWithPath: path))), path: path)
    }
  }

  /// The bytes of a checkpoint with the sum at its end that they should have, so that changes reach what lies behind
  /// it.
  private static func sealed(_ data: Data) -> Data {
    let content = data.dropLast(8)
    var sum = Checksum()
    content.withUnsafeBytes { sum.add($0) }
    return content + withUnsafeBytes(of: sum.value.littleEndian) { Data($0) }
  }

  /// A checkpoint of two tensors.
  private static var small: [UInt8] {
    let fingerprint = Fingerprint(identity: ["model": "00ff", "recipe epochs": "3"], circumstances: ["threads": "2"])
    let tensors = [("weight", Tensor([2, 3], scalars: [1, 2, 3, 4, 5, 6])), ("bias", Tensor([2], scalars: [0, 1]))]
    let state = TrainingState(course: Course(), tensors: tensors.map { (name: $0.0, value: $0.1) })
    return [UInt8](CheckpointFile.encode(Checkpoint(fingerprint: fingerprint, state: state)))
  }
}

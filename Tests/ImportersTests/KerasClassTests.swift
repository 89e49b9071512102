import Foundation
import Testing

@testable import Importers

@Suite("A class that only has the name of one of Keras is none of Keras")
struct KerasClassTests {
  private func layer(_ keys: String) throws -> KerasLayer {
    let json = "{\(keys), \"config\": {\"name\": \"d\", \"units\": 3}}"
    return try KerasLayer(JSONReader.read(Array(json.utf8)), place: 0, depth: 0)
  }

  @Test(
    "classes of Keras, as its versions write them",
    arguments: [
      "\"class_name\": \"Dense\"", "\"module\": \"keras.layers\", \"class_name\": \"Dense\", \"registered_name\": null",
      "\"module\": null, \"class_name\": \"Dense\", \"registered_name\": \"Dense\"",
      "\"module\": \"keras.src.layers.core.dense\", \"class_name\": \"Dense\", \"registered_name\": \"Dense\"",
      "\"module\": \"keras\", \"class_name\": \"Dense\"", "\"module\": \"tf_keras.layers\", \"class_name\": \"Dense\"",
      "\"module\": \"tensorflow.python.keras.layers.core\", \"class_name\": \"Dense\"",
      "\"module\": \"tensorflow.keras.layers\", \"class_name\": \"Dense\"",
      "\"module\": \"keras_core.src.layers\", \"class_name\": \"Dense\"",
    ])
  func ofKeras(_ keys: String) throws {
    let layer = try layer(keys)
    #expect(layer.owner == nil && layer.fullType == "Dense" && KerasLayers.handler(of: layer) != nil)
  }

  @Test(
    "classes of others",
    arguments: [
      ("\"class_name\": \"mine>Dense\"", "mine>Dense"), ("\"class_name\": \"Custom>Dense\"", "Custom>Dense"),
      ("\"class_name\": \"Addons>GroupNormalization\"", "Addons>GroupNormalization"),
      ("\"module\": null, \"class_name\": \"Dense\", \"registered_name\": \"mine>Dense\"", "mine>Dense"),
      ("\"module\": \"__main__\", \"class_name\": \"Dense\", \"registered_name\": \"Dense\"", "__main__>Dense"),
      ("\"module\": \"my.keras\", \"class_name\": \"Dense\", \"registered_name\": null", "my.keras>Dense"),
      ("\"module\": \"keras_hub.layers\", \"class_name\": \"Dense\"", "keras_hub.layers>Dense"),
      ("\"module\": \"tensorflow_addons.layers\", \"class_name\": \"Dense\"", "tensorflow_addons.layers>Dense"),
      ("\"module\": \"larq.layers\", \"class_name\": \"QuantDense\"", "larq.layers>QuantDense"),
    ])
  func ofOthers(_ keys: String, _ name: String) throws {
    let layer = try layer(keys)
    #expect(layer.fullType == name && KerasLayers.handler(of: layer) == nil)
    #expect(KerasLayers.refusal(of: layer, named: "d") == .unsupportedLayer(type: name, layers: ["d"]))
  }
}

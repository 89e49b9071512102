import CONNX

/// The library that unpacks ONNX files.
package enum ProtobufLibrary {
  package static var version: String { String(cString: protobuf_c_version()) }
}

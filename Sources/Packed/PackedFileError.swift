/// Why a packed file cannot be read or written.
package indirect enum PackedFileError: Error, Hashable {
  /// Another error, and the path of the file that it is about.
  case inFile(String, PackedFileError)
  case cannotRead(reason: String)
  case cannotWrite(reason: String)

  // The container.
  case truncated(expected: Int, found: Int)
  case headerTooLong(UInt64)
  case misalignedData(offset: Int)
  case invalidJSON(String, offset: Int, reason: String)
  case duplicateKey(String, offset: Int)
  case duplicateName(layer: String)
  case missing(place: String, key: String)
  case unknownKey(place: String, key: String)
  case invalidValue(place: String, key: String, expected: String)
  case wrongElementType(tensor: String, found: String, expected: String)
  case misplacedTensor(tensor: String, offset: Int, expected: Int)
  case wrongTensorSize(tensor: String, bytes: Int)
  case wrongDataSize(found: Int, expected: Int)
  case wrongPadding(tensor: String)
  case unsupportedFormat(String)
  case unsupportedVersion(String)
  case checksumMismatch(found: String, expected: String)

  // The layers.
  case unknownKind(layer: String, String)
  case invalidInput(layer: String, Int)
  case wrongOffset(layer: String, key: String, found: Int, expected: Int)
  case outOfRange(layer: String, key: String, end: Int, available: Int)
  case paddingBitsSet(layer: String, row: Int)
  case invalidSymbol(layer: String, row: Int)
  case notFinite(layer: String, key: String)
  case wrongShape(layer: String, reason: String)
  case tooLarge(layer: String, elements: Int?)
  case noLayers
}

extension PackedFileError: CustomStringConvertible {
  /// Place first: `model.signum: layer 'conv2': …`.
  package var description: String {
    switch self {
    case .inFile(let path, let error): "\(path): \(error)"
    case .cannotRead(let reason): "cannot be read: \(reason)"
    case .cannotWrite(let reason): "cannot be written: \(reason)"
    case .noLayers: "the model has no layers"
    default: containerDescription ?? layerDescription ?? "is not valid"
    }
  }

  private var containerDescription: String? {
    switch self {
    case .truncated(let expected, let found): "has \(found) bytes, expected at least \(expected)"
    case .headerTooLong(let length): "header: is said to have \(length) bytes, which is too long"
    case .misalignedData(let offset): "header: the data starts at byte \(offset), expected a multiple of 64"
    case .invalidJSON(let place, let offset, let reason): "\(place): byte \(offset): \(reason)"
    case .duplicateName(let layer): "layer '\(layer)': another layer or the input has this name"
    case .duplicateKey(let key, let offset): "header: byte \(offset): '\(key)' occurs twice"
    case .missing(let place, let key): "\(place): '\(key)' is missing"
    case .unknownKey(let place, let key): "\(place): '\(key)' is not a known key"
    case .invalidValue(let place, let key, let expected): "\(place): '\(key)' must be \(expected)"
    case .wrongElementType(let tensor, let found, let expected):
      "tensor '\(tensor)': has elements of type \(found), expected \(expected)"
    case .misplacedTensor(let tensor, let offset, let expected):
      "tensor '\(tensor)': starts at byte \(offset) of the data, expected \(expected)"
    case .wrongTensorSize(let tensor, let bytes):
      "tensor '\(tensor)': its \(bytes) bytes do not fit its shape or the file"
    case .wrongDataSize(let found, let expected): "data: has \(found) bytes, expected \(expected)"
    case .wrongPadding(let tensor): "tensor '\(tensor)': what follows its last used element is not zero or too long"
    case .unsupportedFormat(let format): "metadata: the format '\(format)' is not signum-packed"
    case .unsupportedVersion(let version): "metadata: format version \(version) is not known, expected 1"
    case .checksumMismatch(let found, let expected): "file: has the checksum \(found), expected \(expected)"
    default: nil
    }
  }

  private var layerDescription: String? {
    switch self {
    case .unknownKind(let layer, let kind): "layer '\(layer)': no kind of layer is called '\(kind)'"
    case .invalidInput(let layer, let input): "layer '\(layer)': value \(input) does not exist before it"
    case .wrongOffset(let layer, let key, let found, let expected):
      "layer '\(layer)': '\(key)' starts at \(found), expected \(expected)"
    case .outOfRange(let layer, let key, let end, let available):
      "layer '\(layer)': '\(key)' reaches to \(end), but only \(available) are there"
    case .paddingBitsSet(let layer, let row): "layer '\(layer)': row \(row) of its bits has padding bits that are not 0"
    case .invalidSymbol(let layer, let row): "layer '\(layer)': row \(row) has a symbol that is not of its alphabet"
    case .notFinite(let layer, let key): "layer '\(layer)': '\(key)' has numbers that are not finite"
    case .wrongShape(let layer, let reason): "layer '\(layer)': \(reason)"
    case .tooLarge(let layer, let elements?): "layer '\(layer)': \(elements) elements are too many"
    case .tooLarge(let layer, nil): "layer '\(layer)': it has more elements than can be counted"
    default: nil
    }
  }
}

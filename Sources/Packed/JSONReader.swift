/// A JSON object being read key by key; what is left at the end is unknown.
struct JSONReader {
  let place: String
  private var members: [String: JSON]

  init(_ value: JSON, place: String) throws(PackedFileError) {
    guard case .object(let members) = value else {
      throw .invalidValue(place: place, key: "", expected: "an object")
    }
    self.place = place
    self.members = members
  }

  func finish() throws(PackedFileError) {
    if let key = members.keys.min() { throw .unknownKey(place: place, key: key) }
  }

  func has(_ key: String) -> Bool { members[key] != nil }

  mutating func optional(_ key: String) -> JSON? { members.removeValue(forKey: key) }

  mutating func required(_ key: String) throws(PackedFileError) -> JSON {
    guard let value = optional(key) else { throw .missing(place: place, key: key) }
    return value
  }

  func invalid(_ key: String, _ expected: String) -> PackedFileError {
    .invalidValue(place: place, key: key, expected: expected)
  }

  mutating func string(_ key: String) throws(PackedFileError) -> String {
    guard case .string(let value) = try required(key) else { throw invalid(key, "a string") }
    return value
  }

  mutating func boolean(_ key: String) throws(PackedFileError) -> Bool {
    switch optional(key) {
    case nil: return false
    case .boolean(let value)?: return value
    default: throw invalid(key, "true or false")
    }
  }

  mutating func integer(_ key: String) throws(PackedFileError) -> Int { try asInteger(required(key), key) }

  mutating func integer(_ key: String, default fallback: Int) throws(PackedFileError) -> Int {
    guard let value = optional(key) else { return fallback }
    return try asInteger(value, key)
  }

  mutating func integers(_ key: String) throws(PackedFileError) -> [Int] {
    try list(required(key), key) { value throws(PackedFileError) in try asInteger(value, key) }
  }

  mutating func integers(_ key: String, default fallback: [Int]) throws(PackedFileError) -> [Int] {
    members[key] == nil ? fallback : try integers(key)
  }

  mutating func float(_ key: String) throws(PackedFileError) -> Float? {
    guard let value = optional(key) else { return nil }
    return try asFloat(value, key)
  }

  mutating func floats(_ key: String, default fallback: [Float]) throws(PackedFileError) -> [Float] {
    guard let value = optional(key) else { return fallback }
    return try list(value, key) { value throws(PackedFileError) in try asFloat(value, key) }
  }

  private func list<Element>(
    _ value: JSON, _ key: String, _ convert: (JSON) throws(PackedFileError) -> Element
  ) throws(PackedFileError) -> [Element] {
    guard case .array(let values) = value, values.count <= 1 << 16 else { throw invalid(key, "a list") }
    var result: [Element] = []
    for value in values { result.append(try convert(value)) }
    return result
  }

  /// Bytes of a file, which may be more than fit other numbers.
  mutating func places(_ key: String) throws(PackedFileError) -> [Int] {
    try list(required(key), key) { value throws(PackedFileError) in
      guard case .number(let digits) = value, let place = Int(digits), (-1 << 40...1 << 40).contains(place) else {
        throw invalid(key, "a whole number up to 2^40")
      }
      return place
    }
  }

  /// Small enough that the product of two of them, and the sum of some, fits an `Int`.
  private func asInteger(_ value: JSON, _ key: String) throws(PackedFileError) -> Int {
    guard case .number(let digits) = value, let integer = Int(digits), (-1 << 30...1 << 30).contains(integer) else {
      throw invalid(key, "a whole number up to 2^30")
    }
    return integer
  }

  private func asFloat(_ value: JSON, _ key: String) throws(PackedFileError) -> Float {
    guard case .number(let digits) = value, let float = Float(digits), float.isFinite else {
      throw invalid(key, "a finite number")
    }
    return float
  }
}

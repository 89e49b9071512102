/// The bones of an ONNX file: the same message without what the importer does not read, and with views in the place of
/// the weights.
///
/// A file of half a gigabyte has bones of a few hundred kilobytes, so protobuf-c, which copies all it reads, copies
/// little. And protobuf-c, which recurses and allocates as the file tells it, is told so only by a file whose nesting
/// and counts were checked here.
struct ONNXSkeleton {
  /// What a file may ask for.
  enum Limit {
    static let depth = 64
    static let messages = 1_000_000
    static let fields = 4_000_000
    static let scalars = 1 << 27
    static let bytes = 1 << 30
  }

  private(set) var bytes: [UInt8] = []
  private let source: UnsafeRawBufferPointer
  private var messages = 0
  private var fields = 0
  private var scalars = 0

  init(of source: UnsafeRawBufferPointer, as message: Message = .model) throws(ImportError.Problem) {
    self.source = source
    try copy(message, 0..<source.count, depth: 1, emitting: true)
  }

  /// The messages that the importer reads.
  enum Message {
    case model, graph, function, node, attribute, tensor, sparse, value, type, tensorType, shape, leaf
  }

  private enum Rule {
    case keep, drop
    /// Repeated numbers, which take more room in memory than in the file.
    case scalars
    case message(Message)
    /// Walked, so that its depth is known, and left out.
    case walk(Message)
    /// Sixteen bytes in its place: where it stands in the file, and how long it is.
    case view
  }

  private static func rule(_ message: Message, _ field: UInt64) -> Rule {
    switch (message, field) {
    case (.model, 1...3): .keep
    case (.model, 7): .message(.graph)
    case (.model, 8): .message(.leaf)
    case (.model, 25): .message(.function)
    case (.graph, 1): .message(.node)
    case (.graph, 2): .keep
    case (.graph, 5): .message(.tensor)
    case (.graph, 11), (.graph, 12): .message(.value)
    case (.graph, 15): .message(.sparse)
    case (.function, 1), (.function, 4...6), (.function, 10), (.function, 13): .keep
    case (.function, 7): .message(.node)
    case (.function, 9): .message(.leaf)
    case (.function, 11): .message(.attribute)
    case (.node, 1...4), (.node, 7), (.node, 8): .keep
    case (.node, 5): .message(.attribute)
    case (.attribute, 1...4), (.attribute, 9), (.attribute, 20), (.attribute, 21): .keep
    case (.attribute, 5): .message(.tensor)
    case (.attribute, 6): .message(.graph)
    case (.attribute, 11): .walk(.graph)
    case (.attribute, 7), (.attribute, 8): .scalars
    case (.tensor, 1), (.tensor, 4), (.tensor, 5), (.tensor, 7), (.tensor, 10), (.tensor, 11): .scalars
    case (.tensor, 2), (.tensor, 8), (.tensor, 14): .keep
    case (.tensor, 9): .view
    case (.tensor, 13): .message(.leaf)
    case (.sparse, 1): .message(.tensor)
    case (.value, 1): .keep
    case (.value, 2): .message(.type)
    case (.type, 1): .message(.tensorType)
    case (.tensorType, 1): .keep
    case (.tensorType, 2): .message(.shape)
    case (.shape, 1): .message(.leaf)
    case (.leaf, 1), (.leaf, 2): .keep
    default: .drop
    }
  }

  /// Whether a message has this one inside of it once.
  private static func isSingle(_ message: Message, _ field: UInt64) -> Bool {
    switch (message, field) {
    case (.model, 7), (.attribute, 5), (.attribute, 6), (.value, 2), (.type, 1), (.tensorType, 2), (.sparse, 1): true
    default: false
    }
  }

  private mutating func copy(
    _ message: Message, _ range: Range<Int>, depth: Int, emitting: Bool
  ) throws(ImportError.Problem) {
    guard depth <= Limit.depth else { throw .tooDeep(limit: Limit.depth) }
    try charge(1, to: \.messages, Limit.messages, "messages")
    var reader = WireReader(source, range)
    var seen: Set<UInt64> = []
    while let field = try reader.next() {
      let rule = ONNXSkeleton.rule(message, field.number)
      if case .drop = rule { continue }
      // Parts of a message that stand apart would be put together, each with all before it.
      if ONNXSkeleton.isSingle(message, field.number), !seen.insert(field.number).inserted {
        throw .malformed("a message that occurs twice", offset: field.start)
      }
      try charge(1, to: \.fields, Limit.fields, "fields")
      switch rule {
      case .message(let inner): try copyMessage(inner, field, depth: depth, emitting: emitting)
      case .walk(let inner):
        guard field.kind == .bytes else { throw .malformed("a number where a graph belongs", offset: field.start) }
        try copy(inner, field.value, depth: depth + 1, emitting: false)
      case .view where field.kind == .bytes: if emitting { emitView(field) }
      case .scalars:
        try charge(
          field.kind == .bytes ? field.value.count : 1, to: \.scalars, Limit.scalars, "numbers outside raw data")
        if emitting { try emit(field) }
      default: if emitting { try emit(field) }
      }
    }
  }

  private mutating func copyMessage(
    _ inner: Message, _ field: WireReader.Field, depth: Int, emitting: Bool
  ) throws(ImportError.Problem) {
    guard field.kind == .bytes else { throw .malformed("a number where a message belongs", offset: field.start) }
    guard emitting else { return try copy(inner, field.value, depth: depth + 1, emitting: false) }
    emitTag(of: field)
    // The length is not known before the end: five bytes are kept for it.
    let place = bytes.count
    bytes.append(contentsOf: [0x80, 0x80, 0x80, 0x80, 0])
    try copy(inner, field.value, depth: depth + 1, emitting: true)
    let length = bytes.count - place - 5
    for i in 0..<5 { bytes[place + i] = UInt8(length >> (7 * i) & 0x7F) | (i < 4 ? 0x80 : 0) }
  }

  private mutating func emit(_ field: WireReader.Field) throws(ImportError.Problem) {
    guard bytes.count + field.value.upperBound - field.start <= Limit.bytes else {
      throw .tooMany("bytes outside raw data", limit: Limit.bytes)
    }
    bytes.append(contentsOf: source[field.start..<field.value.upperBound])
  }

  /// A field of bytes; the numbers of fields are those of the rules, and so below 1,024.
  private mutating func emitTag(of field: WireReader.Field) {
    let tag = field.number << 3 | 2
    bytes.append(contentsOf: tag < 0x80 ? [UInt8(tag)] : [UInt8(tag & 0x7F) | 0x80, UInt8(tag >> 7)])
  }

  private mutating func emitView(_ field: WireReader.Field) {
    emitTag(of: field)
    bytes.append(16)
    for number in [field.value.lowerBound, field.value.count] {
      withUnsafeBytes(of: UInt64(number).littleEndian) { bytes.append(contentsOf: $0) }
    }
  }

  private mutating func charge(
    _ amount: Int, to counter: WritableKeyPath<ONNXSkeleton, Int>, _ limit: Int, _ things: String
  ) throws(ImportError.Problem) {
    guard amount <= limit - self[keyPath: counter] else { throw .tooMany(things, limit: limit) }
    self[keyPath: counter] += amount
  }
}

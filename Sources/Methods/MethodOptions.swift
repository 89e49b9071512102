import Foundation

/// Why a method could not be made from a name and options.
package enum MethodError: Error, Hashable, CustomStringConvertible {
  case unknownMethod(String, MethodKind = .method)
  case unknownOption(method: String, option: String, known: [String], MethodKind = .method)
  case badValue(method: String, option: String, value: String, wanted: String, MethodKind = .method)
  case badOptions(method: String, problem: String, MethodKind = .method)

  package var description: String {
    switch self {
    case .unknownMethod(let name, let kind):
      "\(kind.rawValue) '\(name)': there is no such \(kind.rawValue)" + suggestion(for: name, among: kind.known)
    case .unknownOption(let method, let option, let known, let kind):
      "\(kind.rawValue) '\(method)': there is no option '\(option)'"
        + (known.isEmpty ? "; it has no options" : suggestion(for: option, among: known))
    case .badValue(let method, let option, let value, let wanted, let kind):
      "\(kind.rawValue) '\(method)': option '\(option)' wants \(wanted), not '\(value)'"
    case .badOptions(let method, let problem, let kind): "\(kind.rawValue) '\(method)': \(problem)"
    }
  }
}

/// What to write instead: the nearest known name, where one is near, and all of them.
package func suggestion(for name: String, among known: [String]) -> String {
  let nearest = known.min { editDistance($0, name) < editDistance($1, name) }
  // Something of the name must be left, or any short one would do.
  let farthest = min(max(2, name.count / 3), name.count - 1)
  let hint = nearest.flatMap { editDistance($0, name) <= farthest ? "; did you mean '\($0)'?" : nil }
  return (hint ?? "") + " (known: \(known.joined(separator: ", ")))"
}

/// How many letters must be added, left out or changed to make one word of another. Complexity: O(a · b).
private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let change = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}

/// The method of a name, with its defaults except where options say otherwise.
///
/// - Parameter options: values as text, by option; what is left out keeps its default.
package func makeMethod(named name: String, options: [String: String] = [:]) throws(MethodError) -> any Method {
  guard let type = methods.first(where: { $0.name == name }) else { throw .unknownMethod(name) }
  return try make(type, options, .method)
}

/// The activation method of a name, with its defaults except where options say otherwise; nil for `float`.
///
/// - Parameter options: values as text, by option; what is left out keeps its default.
package func makeActivation(
  named name: String, options: [String: String] = [:]
) throws(MethodError) -> (any ActivationMethod)? {
  if name == "float" {
    guard let option = options.keys.min() else { return nil }
    throw .unknownOption(method: name, option: option, known: [], .activation)
  }
  guard let type = activationMethods.first(where: { $0.name == name }) else { throw .unknownMethod(name, .activation) }
  return try make(type, options, .activation)
}

/// The options of a method with their defaults, by name.
package func defaultOptions(of type: any Configurable.Type) -> [String: String] {
  encodedOptions(type.init()).mapValues { value in
    if let number = value as? NSNumber, isBoolean(number) { "\(number.boolValue)" } else { "\(value)" }
  }
}

private func make<M: Configurable>(
  _ type: M.Type, _ options: [String: String], _ kind: MethodKind
) throws(MethodError) -> M {
  let standard = type.init()
  var encoded = encodedOptions(standard)
  let whole = wholeOptions(of: standard)
  for (option, text) in options.sorted(by: { $0.key < $1.key }) {
    guard let old = encoded[option] else {
      throw .unknownOption(method: M.name, option: option, known: encoded.keys.sorted(), kind)
    }
    encoded[option] = try parse(text, like: old, isWhole: whole.contains(option)) { wanted in
      .badValue(method: M.name, option: option, value: text, wanted: wanted, kind)
    }
  }
  let method: M
  do {
    method = try JSONDecoder().decode(M.self, from: JSONSerialization.data(withJSONObject: encoded))
  } catch {
    throw .badOptions(method: M.name, problem: "\(error)", kind)
  }
  if let problem = method.problem { throw .badOptions(method: M.name, problem: problem, kind) }
  return method
}

private func encodedOptions(_ method: some Configurable) -> [String: Any] {
  guard let data = try? JSONEncoder().encode(method),
    let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
  else { preconditionFailure("a method encodes as an object of its options") }
  return object
}

/// The options that are whole numbers, which their JSON alone does not say: a property `bigStep` is the option
/// `big-step`.
private func wholeOptions(of method: some Configurable) -> Set<String> {
  var found: Set<String> = []
  for case (let label?, is Int) in Mirror(reflecting: method).children {
    found.insert(label.reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) })
  }
  return found
}

private func parse(
  _ text: String, like old: Any, isWhole: Bool, _ refuse: (_ wanted: String) -> MethodError
) throws(MethodError) -> Any {
  switch old {
  case is String: return text
  case let number as NSNumber where isBoolean(number):
    guard let value = Bool(text) else { throw refuse("true or false") }
    return value
  default:
    guard let value = Double(text), value.isFinite else { throw refuse("a number") }
    guard isWhole else {
      let held = Float(value)
      guard held.isNormal || value == 0 else { throw refuse("0, or a number from 1e-37 to 1e38 in size") }
      return value
    }
    guard let whole = Int(exactly: value) else { throw refuse("a whole number") }
    return whole
  }
}

/// Whether a number of Foundation's JSON was written as true or false.
private func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

import Foundation
import Packed

// The smallest program around the runtime: what an app that ships a model would do.
//
//   signum-run model.signum             describes the model and runs it on zeros
//   signum-run model.signum - < floats  runs it on raw little-endian float32, prints a line for each item

func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data((message + "\n").utf8))
  exit(code)
}

/// Little-endian float32 numbers. Bytes of a number that was cut off are an error.
func floats(_ bytes: Data) -> [Float] {
  guard bytes.count % 4 == 0 else { fail("signum-run: standard input: \(bytes.count) bytes are no float32s", code: 1) }
  return bytes.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map { index in
      let pattern = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
      return Float(bitPattern: UInt32(littleEndian: pattern))
    }
  }
}

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first, arguments.count == 1 || Array(arguments.dropFirst()) == ["-"] else {
  fail("usage: signum-run model.signum [-]", code: 64)
}
do {
  let model = try SignumModel(contentsOf: path)
  let perItem = model.inputShape.reduce(1, *)
  var input = [Float](repeating: 0, count: perItem)
  if arguments.count == 2 {
    input = floats(FileHandle.standardInput.readDataToEndOfFile())
  } else {
    print("input \(model.inputShape), output \(model.outputShape)")
    print(model.summary)
  }
  let batch = max(input.count / perItem, 1)
  let output = try model.run(input, batch: batch)
  let width = output.count / batch
  for item in 0..<batch { print(output[item * width..<(item + 1) * width].map { "\($0)" }.joined(separator: " ")) }
} catch {
  fail("\(error)", code: 1)
}

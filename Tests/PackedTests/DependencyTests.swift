import Foundation
import Testing

/// The runtime can be shipped alone: it knows nothing of the compiler.
@Suite struct DependencyTests {
  private static let sources = repository.appendingPathComponent("Sources")

  @Test func theRuntimeImportsNothingElse() throws {
    let allowed: Set = ["Foundation", "Dispatch", "Tensors", "CKernels", "Synchronization", "WholeFiles", "Packed"]
    for target in ["Packed", "Tensors", "WholeFiles", "CKernels", "signum-run"] {
      let folder = Self.sources.appendingPathComponent(target)
      let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
      for case let file as URL in files where ["swift", "c", "h"].contains(file.pathExtension) {
        let text = try String(contentsOf: file, encoding: .utf8)
        for match in text.matches(of: /(?m)^\s*(?:@\S+\s+)*(?:public |package |internal )?import\s+(?:\w+\s+)?(\w+)$/) {
          #expect(allowed.contains(String(match.1)), "\(file.lastPathComponent) imports \(match.1)")
        }
        for match in text.matches(of: /(?m)^\s*#include\s+[<"]([^>"]+)/) {
          let headers: Set = ["CKernels.h", "Driver.h", "immintrin.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"]
          #expect(headers.contains(String(match.1)), "\(file.lastPathComponent) includes \(match.1)")
        }
      }
    }
  }

  #if os(Linux)
    @Test func theRuntimeLinksNoLibraryOfTheCompiler() throws {
      let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      let program = folder.appendingPathComponent("signum-run")
      let file = ExecutableFile(bytes: [UInt8](try Data(contentsOf: program)))
      let libraries = try #require(file.neededLibraries)
      #expect(libraries.contains { $0.hasPrefix("libc.so") })
      for library in libraries {
        for unwanted in ["dnnl", "hdf5", "protobuf", "gomp"] { #expect(!library.contains(unwanted), "\(library)") }
      }
    }
  #endif
}

/// The folder of the package.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// What little of a 64-bit ELF file tells which libraries it wants.
private struct ExecutableFile {
  let bytes: [UInt8]

  private func number(_ offset: Int, _ size: Int) -> Int? {
    guard offset >= 0, offset + size <= bytes.count else { return nil }
    return Int(truncatingIfNeeded: bytes[offset..<offset + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }

  /// Type, offset in the file, address and size of each program header.
  private var segments: [(type: Int, offset: Int, address: Int, size: Int)]? {
    guard let table = number(32, 8), let size = number(54, 2), let count = number(56, 2) else { return nil }
    return (0..<count).compactMap { index in
      let at = table + index * size
      guard let type = number(at, 4), let offset = number(at + 8, 8), let address = number(at + 16, 8),
        let bytes = number(at + 32, 8)
      else { return nil }
      return (type, offset, address, bytes)
    }
  }

  /// The entries of type 1 (DT_NEEDED) of the dynamic section, named in the string table (5, DT_STRTAB).
  var neededLibraries: [String]? {
    guard let segments, let dynamic = segments.first(where: { $0.type == 2 }) else { return nil }
    let entries = stride(from: dynamic.offset, to: dynamic.offset + dynamic.size, by: 16).compactMap { at in
      number(at, 8).flatMap { tag in number(at + 8, 8).map { (tag: tag, value: $0) } }
    }
    guard let table = entries.first(where: { $0.tag == 5 })?.value,
      let segment = segments.first(where: { $0.type == 1 && $0.address <= table && table < $0.address + $0.size })
    else { return nil }
    let start = table - segment.address + segment.offset
    return entries.filter { $0.tag == 1 }.map { entry in
      String(decoding: bytes[(start + entry.value)...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

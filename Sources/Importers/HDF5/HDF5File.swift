import CHDF5
import Foundation

/// A group or an array of an HDF5 file.
package struct HDF5Object: Codable, Hashable, Sendable {
  package enum Kind: String, Codable, Sendable { case group, dataset, other }
  /// The path from the root, without a slash before it.
  package var name: String
  package var kind: Kind
  /// Of a dataset.
  package var shape: [Int]?
  /// Of a dataset's elements: `float32`, `int64`, `uint8`, `string`, … with `big-endian` where they are.
  package var type: String?
  /// Attributes that hold strings, one or a list. Only where they were asked for.
  package var attributes: [String: [String]]?
}

extension HDF5Object: CustomStringConvertible {
  package var description: String {
    kind == .group ? "\(name)/" : "\(name)  \(type ?? kind.rawValue)  \(shape ?? [])"
  }
}

/// Reads HDF5 files.
package enum HDF5File {
  /// Everything that is in a file, each thing once, in the order of names.
  ///
  /// The library crashes on some damaged files and hangs on others, so a program that reads files of strangers calls
  /// this in a child process.
  package static func contents(_ path: String) throws(ImportError) -> [HDF5Object] {
    HDF5Library.lock.lock()
    defer { HDF5Library.lock.unlock() }
    do throws(ImportError.Problem) {
      HDF5Library.silenceErrors()
      let file = try open(HDF5Place(path))
      var objects = try list(file)
      for place in objects.indices where objects[place].kind == .dataset { try describe(&objects[place], in: file) }
      return objects
    } catch {
      throw ImportError(path, error)
    }
  }

  /// The same with the root before it, and with attributes.
  static func objects(in file: borrowing HDF5Handle) throws(ImportError.Problem) -> [HDF5Object] {
    var objects = [HDF5Object(name: "", kind: .group)] + (try list(file))
    var budget = attributeBytes
    for place in objects.indices {
      if objects[place].kind == .dataset { try describe(&objects[place], in: file) }
      if objects[place].kind == .other { continue }
      let name = objects[place].name
      let object = try HDF5Handle(
        H5Oopen(file.id, name.isEmpty ? "/" : name, hdf5_default_properties()), close: { H5Oclose($0) })
      let attributes = try HDF5Attributes.strings(of: object, budget: &budget)
      if !attributes.isEmpty { objects[place].attributes = attributes }
    }
    return objects
  }

  private static let attributeBytes = 256 << 20

  /// Opens a file, or a file in an archive, which is then unpacked in memory.
  static func open(_ place: HDF5Place) throws(ImportError.Problem) -> HDF5Handle {
    // Refuses what is missing, empty or no file in the words of all importers.
    let mapped = try MappedFile(place.path)
    guard let member = place.member else {
      return try HDF5Handle(H5Fopen(place.path, hdf5_read_only(), hdf5_default_properties()), close: { H5Fclose($0) })
    }
    var bytes = try ArchiveFile(mapped, path: place.path).bytes(of: member)
    let access = try HDF5Handle(H5Pcreate(hdf5_file_access()), close: { H5Pclose($0) })
    guard H5Pset_fapl_core(access.id, 1 << 20, false) >= 0, H5Pset_file_image(access.id, &bytes, bytes.count) >= 0
    else {
      throw .unreadable(reason: HDF5Library.lastError())
    }
    // Two open files in memory of one name would be one file.
    let name = "\(UUID().uuidString)/\(member)"
    return try HDF5Handle(H5Fopen(name, hdf5_read_only(), access.id), close: { H5Fclose($0) })
  }

  private static func list(_ file: borrowing HDF5Handle) throws(ImportError.Problem) -> [HDF5Object] {
    var objects: [HDF5Object] = []
    let collect: H5O_iterate_t = { _, name, information, context in
      guard let name, let information, strcmp(name, ".") != 0 else { return 0 }
      let objects = context!.assumingMemoryBound(to: [HDF5Object].self)
      guard objects.pointee.count < HDF5File.limit else { return -1 }
      let kind: HDF5Object.Kind =
        switch information.pointee.type {
        case H5O_TYPE_GROUP: .group
        case H5O_TYPE_DATASET: .dataset
        default: .other
        }
      objects.pointee.append(HDF5Object(name: String(cString: name), kind: kind))
      return 0
    }
    let result = withUnsafeMutablePointer(to: &objects) {
      H5Ovisit2(file.id, H5_INDEX_NAME, H5_ITER_INC, collect, $0, hdf5_basic_information())
    }
    if objects.count == limit { throw .tooMany("groups and datasets", limit: limit) }
    guard result >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    return objects
  }

  private static let limit = 100_000

  private static func describe(_ object: inout HDF5Object, in file: borrowing HDF5Handle) throws(ImportError.Problem) {
    let dataset = try HDF5Handle(
      H5Dopen2(file.id, object.name, hdf5_default_properties()), close: { H5Dclose($0) })
    let space = try HDF5Handle(H5Dget_space(dataset.id), close: { H5Sclose($0) })
    let rank = H5Sget_simple_extent_ndims(space.id)
    guard rank >= 0 else { throw .unreadable(reason: HDF5Library.lastError()) }
    var sizes = [hsize_t](repeating: 0, count: Int(rank))
    guard H5Sget_simple_extent_dims(space.id, &sizes, nil) >= 0 else {
      throw .unreadable(reason: HDF5Library.lastError())
    }
    object.shape = sizes.map { Int(clamping: $0) }
    let type = try HDF5Handle(H5Dget_type(dataset.id), close: { H5Tclose($0) })
    object.type = name(of: type)
  }

  private static func name(of type: borrowing HDF5Handle) -> String {
    let bits = H5Tget_size(type.id) * 8
    let order = H5Tget_order(type.id) == H5T_ORDER_BE && bits > 8 ? " big-endian" : ""
    return switch H5Tget_class(type.id) {
    case H5T_FLOAT: "float\(bits)\(order)"
    case H5T_INTEGER: "\(H5Tget_sign(type.id) == H5T_SGN_NONE ? "u" : "")int\(bits)\(order)"
    case H5T_STRING: "string"
    case H5T_COMPOUND: "compound"
    case H5T_ENUM: "enumeration"
    case H5T_VLEN: "list"
    case H5T_ARRAY: "array"
    case H5T_REFERENCE: "reference"
    default: "other"
    }
  }
}

/// Datasets by where they are.
package enum DatasetFinder {
  /// Opens the dataset of a folder or of a file.
  ///
  /// In a folder the names of the files, or of the folders in it, say which of them are for training and which for
  /// testing. A file that holds one part is opened whatever part is wanted. Throws what `DatasetError` lists.
  package static func open(_ path: String, split: Split) throws(DatasetError) -> any Dataset {
    try open(path, DatasetRequest(split))
  }

  package static func open(_ path: String, _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    let all = try find(path, request)
    return request.chosen(among: all.count).map { Subset(all, indices: $0) } ?? all
  }

  private static func find(_ path: String, _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    let split = request.split
    // Names of arrays may stand behind that of a file; a folder of such a name would be found as it is.
    if !FileBytes.exists(path), let (file, _) = HDF5Reader.arrays(named: path), FileBytes.exists(file) {
      return try HDF5Reader.read([path], request)
    }
    guard let names = try FileBytes.list(path) else { return try openFile(path, request) }
    for reader in datasetReaders {
      if let dataset = try reader.openFolder(path, names: names, request) { return dataset }
      // What is missing may be there, packed.
      if let packed = packedFile(in: names, for: reader, split: split) { throw unpacking(join(path, packed)) }
    }
    for reader in datasetReaders where names.contains(where: { reader.accepts(fileName: $0) }) {
      throw .noPart(path, split: split, lookedFor: reader.fileNames(split))
    }
    if let packed = names.first(where: { unpackCommand($0) != nil }) { throw unpacking(join(path, packed)) }
    throw .nothingKnown(path, lookedFor: datasetReaders.flatMap { $0.fileNames(split) })
  }

  private static func openFile(_ path: String, _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
    let name = fileName(path)
    for reader in datasetReaders where reader.accepts(fileName: name) { return try reader.read([path], request) }
    if unpackCommand(name) != nil { throw unpacking(path) }
    throw .unknownFile(path, lookedFor: datasetReaders.flatMap { $0.fileNames(request.split) })
  }

  private static func packedFile(in names: [String], for reader: any DatasetReader.Type, split: Split) -> String? {
    names.first { name in
      guard unpackCommand(name) != nil, let dot = name.lastIndex(of: ".") else { return false }
      let unpacked = String(name[..<dot])
      return reader.accepts(fileName: unpacked) && !reader.select([unpacked], split: split).isEmpty
    }
  }

  private static func unpacking(_ path: String) -> DatasetError {
    .stillPacked(path, unpack: unpackCommand(path) ?? "")
  }

  /// How to unpack what is not read packed, by the end of its name.
  private static func unpackCommand(_ path: String) -> String? {
    let name = fileName(path)
    return if name.hasSuffix(".tar.gz") || name.hasSuffix(".tgz") {
      "tar -xzf \(name)"
    } else if name.hasSuffix(".bin.xz") || name.hasSuffix(".npy.xz") || name.hasSuffix(".npz.xz")
      || name.hasSuffix("ubyte.xz")
    {
      "xz -dk \(name.contains("_batch") ? "*.bin.xz" : name)"
    } else if name.hasSuffix(".bin.gz") || name.hasSuffix(".npy.gz") {
      "gunzip -k \(name)"
    } else {
      nil
    }
  }

  static func fileName(_ path: String) -> String {
    String(path.split(separator: "/", omittingEmptySubsequences: true).last ?? "")
  }

  /// The folder of a file, with its slash; empty where the path names none.
  static func folder(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  }

  static func join(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") || folder.isEmpty ? folder + name : folder + "/" + name
  }
}

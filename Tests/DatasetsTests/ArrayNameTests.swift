@testable import Datasets
import Testing

struct ArrayNameTests {
  private func chosen(_ names: [String], _ split: Split = .train) throws -> [String?] {
    let found = try ArrayNames.choose(from: names, split: split, path: "a.npz")
    return [found.images, found.labels]
  }

  @Test func namesThatAreUsual() throws {
    #expect(try chosen(["x_test", "x_train", "y_test", "y_train"], .test) == ["x_test", "y_test"])
    #expect(try chosen(["X_train", "Y_train"]) == ["X_train", "Y_train"])
    #expect(
      try chosen(["train_images", "train_labels", "val_images", "val_labels"], .test) == ["val_images", "val_labels"])
    #expect(
      try chosen(["test_images", "test_labels", "val_images", "val_labels"], .test) == ["test_images", "test_labels"])
    #expect(try chosen(["train/images", "train/labels", "list"]) == ["train/images", "train/labels"])
    #expect(try chosen(["data", "target"], .test) == ["data", "target"])
    #expect(try chosen(["arr_0", "arr_1"]) == ["arr_0", "arr_1"])
    #expect(try chosen(["images", "names"]) == ["images", nil])
    #expect(try chosen(["whatever"]) == ["whatever", nil])
  }

  @Test func whatIsNotThereIsTold() {
    let other = failure { () throws(DatasetError) in
      try ArrayNames.choose(from: ["x_train", "y_train"], split: .test, path: "a.npz").images
    }
    #expect("\(other!)".hasPrefix("a.npz: holds no test part; looked for x_test, X_test, test_images, images_test"))
    let none = failure { () throws(DatasetError) in
      try ArrayNames.choose(from: ["b", "a"], split: .train, path: "a.npz").images
    }
    guard case .missingArray("a.npz", _, found: ["a", "b"]) = none else {
      Issue.record("\(String(describing: none))")
      return
    }
  }

  @Test func arraysBehindTheNameOfAFile() {
    func named(_ path: String) -> [String]? { HDF5Reader.arrays(named: path).map { [$0.file] + $0.names } }
    #expect(named("a/b.h5:/x,/g/y") == ["a/b.h5", "x", "g/y"])
    #expect(named("b.HDF5:x") == ["b.HDF5", "x"])
    #expect(named("b.h5") == nil && named("b.h5:") == nil && named("b.h5:a,b,c") == nil && named("b.npz:/x") == nil)
  }
}

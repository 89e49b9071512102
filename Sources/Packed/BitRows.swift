import CKernels
import Tensors

/// Rows of bits, each padded to whole words of 64.
///
/// Bit i of a word is column i of its 64: 1 stands for +1, 0 for −1. Padding bits are 0.
package struct BitRows: Hashable, Sendable {
  package let rows: Int
  package let columns: Int
  /// `[rows, (columns + 63) / 64]`, row-major.
  package let words: [UInt64]

  package var wordsPerRow: Int { (columns + 63) / 64 }

  /// Packs symbols of −1 and +1, row-major `[rows, columns]`.
  package init(rows: Int, columns: Int, symbols: some RandomAccessCollection<Int8>) {
    precondition(symbols.count == rows * columns)
    let wordsPerRow = (columns + 63) / 64
    var words = [UInt64](repeating: 0, count: rows * wordsPerRow)
    for (index, symbol) in symbols.enumerated() where symbol > 0 {
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      words[row * wordsPerRow + column / 64] |= 1 << UInt64(column % 64)
    }
    self.init(rows: rows, columns: columns, words: words)
  }

  /// Packs a binary weight whose columns lie as they do in the file: all but kernels of several pixels.
  init(_ coded: CodedTensor) {
    let rows = coded.shape[0]
    let columns = coded.shape.count / max(rows, 1)
    let words = [UInt64](unsafeUninitializedCapacity: rows * ((columns + 63) / 64)) { words, count in
      coded.symbols.withUnsafeBufferPointer {
        signumPackSigns($0.baseAddress, Int64(rows), Int64(columns), words.baseAddress)
      }
      count = rows * ((columns + 63) / 64)
    }
    self.init(rows: rows, columns: columns, words: words)
  }

  /// - Precondition: `rows` times the words of a row; padding bits 0.
  package init(rows: Int, columns: Int, words: [UInt64]) {
    precondition(words.count == rows * ((columns + 63) / 64))
    self.rows = rows
    self.columns = columns
    self.words = words
  }

  /// −1 or +1.
  package subscript(row: Int, column: Int) -> Int8 {
    words[row * wordsPerRow + column / 64] >> UInt64(column % 64) & 1 == 1 ? 1 : -1
  }
}

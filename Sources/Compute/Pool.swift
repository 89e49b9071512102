import CCompute

/// The threads that all float loops share.
package enum Pool {
  /// Calls the body for every index below `count`, on all threads at once, and returns when all are done.
  ///
  /// For work that is the same whoever does it: each index writes only what is its own, so that the result depends on
  /// neither the order nor the number of threads.
  package static func forEach(_ count: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var body = body
      withUnsafeMutablePointer(to: &body) { pointer in
        cc_parallel(
          Int64(count),
          { context, first, last in
            let body = context!.assumingMemoryBound(to: ((Int) -> Void).self).pointee
            for index in Int(first)..<Int(last) { body(index) }
          }, pointer)
      }
    }
  }
}

/// Lends uninitialised memory for the time of `body`, on the stack when it is small enough for that.
///
/// `withUnsafeTemporaryAllocation` does not forward typed errors; this does.
@inline(__always)
func withScratch<Result, Failure: Error>(
    byteCount: Int,
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    let outcome = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 16) {
        scratch -> Swift.Result<Result, Failure> in
        do throws(Failure) {
            return .success(try body(scratch))
        } catch {
            return .failure(error)
        }
    }
    return try outcome.get()
}

extension Dictionary {
    /// Looks at a value, or changes it, where it is: a subscript followed by `?.` takes it out and puts it back.
    /// - Returns: `nil`: there is none.
    @discardableResult
    mutating func withValue<Result>(of key: Key, _ body: (inout Value) -> Result) -> Result? {
        self.index(forKey: key).map { body(&self.values[$0]) }
    }
}

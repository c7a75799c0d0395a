internal import ParleyModel
internal import ParleyText

/// The query of a request, percent-decoded; of a repeated name the first counts.
package struct QueryParameters: Sendable, Equatable {
    private var values: [ExactString: String] = [:]

    package init(_ query: Substring?) {
        guard let query else { return }
        for pair in QueryString(query) {
            guard let text = PercentEncoding.decode(pair.name, plusIsSpace: true) else { continue }
            let name = ExactString(text)
            let value = PercentEncoding.decode(pair.value ?? "", plusIsSpace: true)
            if self.values[name] == nil { self.values[name] = value }
        }
    }

    package subscript(name: String) -> String? { self.values[ExactString(name)] }
}

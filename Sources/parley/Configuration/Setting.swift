import ParleyModel

/// One thing that can be configured: its names, its form and its default.
struct Setting: Sendable {
    /// What a value must look like.
    enum Form: Sendable, Equatable {
        /// 0–65535, or `off` where a listener may be switched off.
        case port(mayBeOff: Bool)
        /// Seconds, fractions allowed; at least the given number.
        case seconds(atLeast: Double)
        /// Whole; by itself not more than any machine counts.
        case count(atLeast: Int, atMost: Int = 1 << 40)
        case toggle
        case text
        /// An IP address or a host name, without scheme and port.
        case address
        /// The path of a URL.
        case path
        /// A URL of HTTP; with a leading slash where a path will do.
        case url(orPath: Bool = false)
        /// A host and perhaps a port.
        case authority
        /// Several of them, separated by commas.
        case authorities
        /// Origins of pages, separated by commas, or `*`.
        case origins(orHosts: Bool = false)
        case choice([String])

        var expectation: String {
            switch self {
            case .port(let mayBeOff): return "a port from 0 to 65535" + (mayBeOff ? ", or off" : "")
            case .seconds(let minimum): return "seconds, \(minimum.formatted) or more"
            case .count(let minimum, let maximum):
                return maximum == 1 << 40
                    ? "a whole number, \(minimum) or more" : "a whole number from \(minimum) to \(maximum)"
            case .toggle: return "true or false"
            case .text: return "text"
            case .path: return "a path that begins with /"
            case .url(let orPath):
                return "a URL such as https://host:8000/path, its port from 1 to 65535"
                    + (orPath ? ", or a path that begins with /" : "")
            case .authority: return "a host and perhaps a port from 1 to 65535, such as chat.example:8000"
            case .authorities:
                return "hosts, each perhaps with a port from 1 to 65535, separated by commas, such as chat.example:8000"
            case .origins(let orHosts):
                return "origins as browsers send them, such as https://app.example or http://localhost:5173, "
                    + (orHosts ? "or hosts, " : "") + "separated by commas, or *"
            case .address: return "an IP address or a host name, without scheme and port"
            case .choice(let words): return "one of " + words.joined(separator: ", ")
            }
        }
    }

    /// The variables that are read for it, the first that is set wins.
    let names: [String]
    let form: Form
    /// The default as one would write it; `nil`: unset.
    let defaultText: String?
    let isSecret: Bool
    let help: String

    init(_ names: String..., form: Form, default defaultText: String? = nil, isSecret: Bool = false, help: String) {
        self.names = names
        self.form = form
        self.defaultText = defaultText
        self.isSecret = isSecret
        self.help = help
    }

    /// A value as messages have it.
    func shown(_ text: String) -> String {
        if self.isSecret { return "(secret)" }
        var text = text
        if case .url = self.form { text = HTTPURL.shown(text) }
        return "'\(LogText.escaped(text, isQuoted: false))'"
    }

    /// The variables that may name a file with its value; secrets have them.
    var fileNames: [String] { self.isSecret ? self.names.map { $0 + SecretFiles.suffix } : [] }

    /// What messages call it: the first name, but not one that merely puts a system's name before its variable.
    var name: String {
        self.names.count == 2 && self.names[0].hasSuffix("_" + self.names[1]) ? self.names[1] : self.names[0]
    }
}

extension Double {
    /// Without a fraction where there is none.
    var formatted: String { self == self.rounded() && abs(self) < 1e15 ? "\(Int64(self))" : "\(self)" }
}

/// Who we are to a server. The password is in no description.
package struct RedisCredentials: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// A user of its access control list; `nil` is the one called `default`.
    package var user: String?
    package var password: String

    package init(user: String? = nil, password: String) {
        self.user = user
        self.password = password
    }

    package var description: String { "\(self.user ?? "default"):********" }
    package var customMirror: Mirror { Mirror(self, children: ["user": self.user ?? "default"]) }
}

import Foundation

/// Values that stand under a name of ours and are plainly meant for somebody else.
///
/// The environment belongs to all programs of a container or shell. Such a value ends no start: it counts as unset, and the log
/// says so. A slip in a value that is meant for us is still a mistake.
enum ForeignValue {
    /// - Returns: What it is instead; `nil` when it may be ours.
    static func reason(_ setting: Setting, _ name: String, _ text: String) -> String? {
        switch setting.form {
        case .port where self.isServiceLink(text):
            return "a link to a service of that name, as Kubernetes sets it, and no port"
        case .address where self.isPlatform(text):
            return "the name of a platform, as build environments set it, and no address"
        case .toggle where name == "DEBUG" && !self.isNearlyWord(text):
            return "a filter of another program's debug output, and neither true nor false"
        default:
            return nil
        }
    }

    /// `tcp://10.0.0.1:80`. Kubernetes, "Services", environment variables; Docker's links look the same.
    private static func isServiceLink(_ text: String) -> Bool {
        guard let scheme = ["tcp://", "udp://", "sctp://"].first(where: text.lowercased().hasPrefix),
            let colon = text.lastIndex(of: ":")
        else { return false }
        return text[colon...].dropFirst().allSatisfy(\.isNumber) && text[..<colon].count > scheme.count
    }

    /// `x86_64-conda-linux-gnu`: a processor, perhaps a vendor, and a system.
    private static func isPlatform(_ text: String) -> Bool {
        let parts = text.lowercased().split(separator: "-", omittingEmptySubsequences: false)
        let processors = [
            "x86_64", "amd64", "i386", "i486", "i586", "i686", "aarch64", "arm", "armv", "powerpc", "ppc", "s390",
            "riscv",
            "mips", "sparc", "loongarch",
        ]
        let systems = [
            "linux", "darwin", "macos", "mingw", "windows", "win32", "freebsd", "netbsd", "openbsd", "cygwin",
        ]
        guard parts.count >= 2, let processor = parts.first, processors.contains(where: processor.hasPrefix) else {
            return false
        }
        return parts.dropFirst().contains { part in systems.contains(where: part.hasPrefix) }
    }

    /// Whether a word that is neither true nor false could be a slip for one of them.
    private static func isNearlyWord(_ text: String) -> Bool {
        let text = text.lowercased()
        return Settings.words.contains { word in
            EditDistance.between(word, text) <= (word.count > 3 ? 2 : word.count > 1 ? 1 : 0)
        }
    }
}

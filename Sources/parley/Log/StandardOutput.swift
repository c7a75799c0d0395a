import Foundation
import ParleyModel

/// What a command was asked for, on stdout: written at once, whatever that is connected to.
enum StandardOutput {
    static func line(_ text: String) { self.write(Array((text + "\n").utf8)) }

    /// Ends the process with status 1 when nobody can take it: a command without its result has failed.
    static func write(_ bytes: [UInt8]) {
        guard Descriptor.write(bytes, to: STDOUT_FILENO, patience: nil) < bytes.count else { return }
        let code = errno
        // Who reads no further has what it wanted.
        if code != EPIPE {
            StandardError.line("parley: stdout cannot be written: \(SystemFailure(code: code).description)")
        }
        Foundation.exit(1)
    }
}

/// Notices of a command. Nobody has to read them, and they are not waited for.
enum StandardError {
    /// A sentence of this program, on a line of its own whatever values stand in it, and without the passwords of URLs.
    static func sentence(_ text: String) {
        self.line("parley: \(LogText.escaped(LogText.withoutCredentials(text), isQuoted: false))")
    }

    static func line(_ text: String) {
        Descriptor.write(Array((text + "\n").utf8), to: STDERR_FILENO, patience: 1000)
    }
}

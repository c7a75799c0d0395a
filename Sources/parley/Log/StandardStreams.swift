import Foundation

/// The descriptors that this process was given for its words.
enum StandardStreams {
    /// Makes sure that a reader who leaves, a disk that is full or a descriptor that was never opened ends nobody.
    ///
    /// To be called before anything opens a file: the next one would become stderr where that is closed, and be written to.
    static func secure() {
        signal(SIGPIPE, SIG_IGN)
        // A file that has reached its size limit refuses the write, and that is all.
        signal(SIGXFSZ, SIG_IGN)
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            // The lowest that is free, so this one.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }
}

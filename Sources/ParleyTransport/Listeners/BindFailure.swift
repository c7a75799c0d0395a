internal import Foundation
internal import NIOCore
internal import ParleyModel

/// Why a listener could not be bound, and what to do about it.
enum BindFailure {
    static func sentence(_ error: any Error, _ listener: ListenerPlace, host: String?) -> String {
        let place = host.map { $0.contains(":") ? "[\($0)]" : $0 } ?? "*"
        let (reason, remedy) = Self.explain(error, listener.setting)
        return "The \(listener.name) cannot listen on \(place):\(listener.port): \(reason). \(remedy)"
    }

    private static func explain(_ error: any Error, _ setting: String) -> (reason: String, remedy: String) {
        let anotherPort = "Choose another port with \(setting), or \(setting)=off."
        let anotherAddress = "Set HOST to an address of this machine, or leave it out for all interfaces."
        if error is SocketAddressError || error is SocketAddressError.UnknownHost {
            return ("no address is known for that name", anotherAddress)
        }
        guard let code = (error as? IOError)?.errnoCode else { return ("\(type(of: error))", anotherPort) }
        switch code {
        case EADDRINUSE: return ("the port is taken", anotherPort)
        case EADDRNOTAVAIL: return ("this machine has no such address", anotherAddress)
        case EAFNOSUPPORT: return ("this machine does not speak that kind of address", anotherAddress)
        case EINVAL: return ("that address needs the interface behind it, as in fe80::1%eth0", anotherAddress)
        case EACCES, EPERM:
            return (
                "ports below 1024 are not for everybody", "\(anotherPort) Or give the process CAP_NET_BIND_SERVICE."
            )
        case EMFILE, ENFILE:
            return ("no more files can be opened", "Raise the limit of open files (ulimit -n, LimitNOFILE).")
        default: return (SystemFailure(code: code).description, anotherPort)
        }
    }
}

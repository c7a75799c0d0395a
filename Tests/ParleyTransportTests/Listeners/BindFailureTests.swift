import Foundation
import NIOCore
import Testing

@testable import ParleyTransport

@Suite struct BindFailureTests {
    @Test(
        "Why a listener cannot be bound is a sentence that names what to change",
        arguments: [
            (
                EADDRINUSE, nil, "cannot listen on *:81: the port is taken.",
                "Choose another port with GATEWAY_PORT, or GATEWAY_PORT=off."
            ),
            (EADDRNOTAVAIL, "10.9.8.7", "cannot listen on 10.9.8.7:81: this machine has no such address.", "Set HOST"),
            (EADDRNOTAVAIL, "fd00::9", "cannot listen on [fd00::9]:81: this machine has no such address.", "Set HOST"),
            (EACCES, nil, "ports below 1024", "GATEWAY_PORT"),
            (EAFNOSUPPORT, "::1", "does not speak that kind of address", "Set HOST"),
            (EINVAL, "fe80::1", "needs the interface", "Set HOST"),
            (EMFILE, nil, "no more files can be opened", "limit of open files"),
        ] as [(CInt, String?, String, String)]
    )
    func sentences(code: CInt, host: String?, reason: String, remedy: String) {
        let text = BindFailure.sentence(
            IOError(errnoCode: code, reason: "bind"),
            ListenerPlace(name: "event gateway", port: 81, setting: "GATEWAY_PORT"),
            host: host
        )
        #expect(text.hasPrefix("The event gateway cannot listen on "))
        #expect(text.contains(reason) && text.contains(remedy), "\(text)")
        #expect(!text.contains("errno"))
    }

    @Test("A name without an address is said to be one")
    func names() throws {
        let error = try #require(throws: (any Error).self) {
            try SocketAddress.makeAddressResolvingHost("nowhere.invalid", port: 81)
        }
        let place = ListenerPlace(name: "front door", port: 81, setting: "PORT")
        let text = BindFailure.sentence(error, place, host: "nowhere.invalid")
        #expect(text.contains("no address is known for that name"))
        #expect(text.contains("HOST") && !text.contains("another port"))
    }
}

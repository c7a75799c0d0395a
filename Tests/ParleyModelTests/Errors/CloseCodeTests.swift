import Testing

@testable import ParleyModel

@Suite struct CloseCodeTests {
    @Test("Every close code may be sent (RFC 6455 §7.4)", arguments: CloseReason.all)
    func codes(reason: CloseReason) {
        let assigned: Set<UInt16> = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        #expect(assigned.contains(reason.code) || (3000...4999).contains(reason.code))
    }

    @Test("Every reason fits a control frame beside its code", arguments: CloseReason.all)
    func lengths(reason: CloseReason) {
        #expect(reason.reason.utf8.count <= 123)
    }

    @Test("Every label may be a metric's", arguments: CloseReason.all)
    func labels(reason: CloseReason) {
        #expect(reason.label.wholeMatch(of: /[a-z][a-z_0-9]{0,31}/) != nil)
    }

    @Test("Labels, and codes with their reasons, are unique")
    func unique() {
        #expect(Set(CloseReason.all.map(\.label)).count == CloseReason.all.count)
        #expect(Set(CloseReason.all.map { "\($0.code) \($0.reason)" }).count == CloseReason.all.count)
    }

    @Test(
        "The codes that the protocols promise",
        arguments: [
            (CloseReason.roomFull, 1008, "Room is full"), (.duplicateUser, 1008, "Duplicate user"),
            (.replaced, 1008, "Replaced by a new connection"), (.tokenExpired, 1008, "Token expired"),
            (.slowConsumer, 1008, "Slow consumer"), (.serverShuttingDown, 1001, "Server shutting down"),
            (.goingAway, 1001, "Going away"), (.closedByManagement, 1000, "Connection Closed Normally"),
        ] as [(CloseReason, UInt16, String)]
    )
    func promised(reason: CloseReason, code: UInt16, text: String) {
        #expect(reason.code == code)
        #expect(reason.reason == text)
    }

    @Test("Whoever broke a rule is not invited back; whoever was turned away for the server's sake is")
    func reconnecting() {
        let invited = Set(CloseReason.all.filter(\.mayReconnect).map(\.label))
        #expect(invited.isDisjoint(with: ["binary", "not_utf8", "duplicate_user", "replaced", "token_expired"]))
        #expect(
            invited.isSuperset(of: ["shutdown", "timeout", "restart", "room_full", "topic_limit", "internal_error"])
        )
        #expect(!CloseReason.protocolFailure(code: 1002, reason: "Masked", label: "mask").mayReconnect)
    }
}

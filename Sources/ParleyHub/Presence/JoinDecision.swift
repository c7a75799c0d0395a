internal import ParleyModel

/// What becomes of a join.
enum JoinDecision {
    case admit(holdsName: Bool)
    /// The newcomer takes the place of a member.
    case replace(MemberList.Entry)
    case refuse(CloseReason)
}

extension MemberList {
    /// The one rule of who may be in a topic: for a lone node, and for the log of many.
    func decide(_ join: TopicJoin) -> JoinDecision {
        if let reason = join.hopelessness { return .refuse(reason) }
        let member = join.member
        let holdsName = join.uniqueness != .any
        if holdsName, let present = self.holder(of: member.name, in: member.dialect) {
            return join.uniqueness == .replace ? .replace(present) : .refuse(.duplicateUser)
        }
        if let maximum = join.maximumMembers, self.count(of: member.dialect) >= maximum { return .refuse(.roomFull) }
        return .admit(holdsName: holdsName)
    }

    /// - Returns: `nil` when it is a member's who is none any more.
    func sender(of publish: TopicPublish) -> Sender? {
        switch publish.origin {
        case .member(let client): self[client].map { Sender(id: $0.id, name: $0.name) }
        case .outside(let sender): sender
        }
    }
}

import ParleyModel

@testable import ParleyHub

extension MemberList {
    var all: [Member] {
        var members: [Member] = []
        func append(_ member: Member) { members.append(member) }
        self.forEach(append)
        return members
    }
}

extension History {
    var all: [Publication] {
        var publications: [Publication] = []
        func append(_ publication: Publication) { publications.append(publication) }
        self.forEach(append)
        return publications
    }
}

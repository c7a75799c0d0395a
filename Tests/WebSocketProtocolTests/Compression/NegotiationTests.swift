import Testing
import WebSocketProtocol

/// One row: offers, policy, and the response header (`nil`: declined).
struct Negotiation: Sendable, CustomTestStringConvertible {
    let offers: [String]
    let policy: PerMessageDeflatePolicy
    let response: String?
    let agreed: PerMessageDeflate?
    var testDescription: String { self.offers.joined(separator: " | ") }

    init(
        _ offers: String...,
        policy: PerMessageDeflatePolicy = .default,
        response: String?,
        agreed: PerMessageDeflate? = nil
    ) {
        self.offers = offers
        self.policy = policy
        self.response = response
        self.agreed = agreed
    }
}

@Suite struct NegotiationTests {
    static let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    static let takeover = PerMessageDeflatePolicy(allowsServerContextTakeover: true, allowsClientContextTakeover: true)

    static let acceptedRows: [Negotiation] = [
        .init("permessage-deflate", response: both, agreed: .init()),
        .init(
            "permessage-deflate",
            policy: takeover,
            response: "permessage-deflate",
            agreed: .init(serverNoContextTakeover: false, clientNoContextTakeover: false)
        ),
        .init("permessage-deflate; client_max_window_bits", response: both, agreed: .init()),
        .init(
            "permessage-deflate; server_no_context_takeover",
            policy: takeover,
            response: "permessage-deflate; server_no_context_takeover",
            agreed: .init(clientNoContextTakeover: false)
        ),
        .init(
            "permessage-deflate; client_no_context_takeover",
            policy: takeover,
            response: "permessage-deflate; client_no_context_takeover",
            agreed: .init(serverNoContextTakeover: false)
        ),
        .init(
            "permessage-deflate; server_max_window_bits=8",
            response: both + "; server_max_window_bits=8",
            agreed: .init(serverMaxWindowBits: 8)
        ),
        .init(
            "permessage-deflate; server_max_window_bits=15",
            response: both + "; server_max_window_bits=15",
            agreed: .init()
        ),
        .init(
            "permessage-deflate; client_max_window_bits=10",
            response: both + "; client_max_window_bits=10",
            agreed: .init(clientMaxWindowBits: 10)
        ),
        .init(
            "permessage-deflate; client_max_window_bits",
            policy: .init(clientMaxWindowBits: 9),
            response: both + "; client_max_window_bits=9",
            agreed: .init(clientMaxWindowBits: 9)
        ),
        .init(
            "permessage-deflate; client_max_window_bits=12; server_max_window_bits=14",
            policy: .init(serverMaxWindowBits: 11, clientMaxWindowBits: 13),
            response: both + "; server_max_window_bits=11; client_max_window_bits=12",
            agreed: .init(serverMaxWindowBits: 11, clientMaxWindowBits: 12)
        ),
        // The server may limit itself unasked, but not a client that did not offer it.
        .init(
            "permessage-deflate",
            policy: .init(serverMaxWindowBits: 12, clientMaxWindowBits: 12),
            response: both + "; server_max_window_bits=12",
            agreed: .init(serverMaxWindowBits: 12)
        ),
        // Quoted values, white space, empty list elements.
        .init("permessage-deflate;server_max_window_bits=\"10\"", response: both + "; server_max_window_bits=10"),
        .init("permessage-deflate;server_max_window_bits=\"1\\0\"", response: both + "; server_max_window_bits=10"),
        .init(
            " ,\tpermessage-deflate\t;  client_max_window_bits  =  11 ,,",
            response: both + "; client_max_window_bits=11"
        ),
        // The first acceptable offer, over all lines, is taken.
        .init(
            "permessage-foo, permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9",
            response: both + "; server_max_window_bits=9"
        ),
        .init("x-webkit-deflate-frame", "permessage-deflate", response: both),
        .init("broken;;", "permessage-deflate", response: both),
        .init(
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            response: both + "; server_max_window_bits=10"
        ),
        // Another extension may carry anything that the grammar allows.
        .init("foo; a=\"b\"; a; c=d, permessage-deflate", response: both),
    ]

    static let declinedRows: [Negotiation] = [
        "", " , ", "permessage-foo", "Permessage-Deflate", "permessage-deflate; foo", "permessage-deflate; foo=1",
        "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=+9", "permessage-deflate; server_max_window_bits=9a",
        "permessage-deflate; server_max_window_bits=99999999999999999999999",
        "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=\"\"", "permessage-deflate; client_max_window_bits=\"1 0\"",
        "permessage-deflate; client_max_window_bits=\"10", "permessage-deflate; client_max_window_bits=",
        "permessage-deflate;", "; permessage-deflate", "permessage-deflate client_max_window_bits",
        "permessage-deflate; client_max_window_bits=\"\\", "permessage-deflate; =10", "permessage-deflatë",
    ].map { Negotiation($0, response: nil) }

    @Test("An acceptable offer is answered with what was agreed", arguments: acceptedRows)
    func accepted(row: Negotiation) throws {
        let (agreed, response) = try #require(PerMessageDeflate.negotiate(offers: row.offers, policy: row.policy))
        #expect(response == row.response)
        if let expected = row.agreed { #expect(agreed == expected) }
    }

    @Test("Anything else is declined", arguments: declinedRows)
    func declined(row: Negotiation) {
        #expect(PerMessageDeflate.negotiate(offers: row.offers, policy: row.policy) == nil)
        #expect(PerMessageDeflate.negotiate(offers: [], policy: .default) == nil)
    }

    @Test("Any header line is answered or declined, and the answer can be read again")
    func random() throws {
        var random = SeededGenerator(seed: 8)
        let pieces = [
            "permessage-deflate", ";", ";", " ", ",", "=", "\"", "\\", "8", "15", "é", "\u{0}",
            "server_max_window_bits",
            "client_max_window_bits", "server_no_context_takeover", "; client_max_window_bits=10",
        ]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...8, using: &random)
            let line = "permessage-deflate" + (0..<count).map { _ in pieces.randomElement(using: &random)! }.joined()
            guard let (agreed, response) = PerMessageDeflate.negotiate(offers: [line], policy: .default) else {
                continue
            }
            let offer = PerMessageDeflateOffer(serverNoContextTakeover: false, clientNoContextTakeover: false)
            #expect(try offer.accept(response: [response]) == agreed)
        }
    }

    @Test("The agreement fits into every connection")
    func size() {
        #expect(MemoryLayout<PerMessageDeflate>.stride == 4)
    }
}

@Suite struct PerMessageDeflateOfferTests {
    static let free = PerMessageDeflateOffer(
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
        clientMaxWindowBits: nil
    )

    @Test(
        "An offer becomes a header",
        arguments: [
            (PerMessageDeflateOffer(), NegotiationTests.both + "; client_max_window_bits"),
            (free, "permessage-deflate"),
            (
                .init(serverMaxWindowBits: 9, clientMaxWindowBits: 8),
                NegotiationTests.both + "; server_max_window_bits=9; client_max_window_bits=8"
            ),
        ]
    )
    func header(offer: PerMessageDeflateOffer, header: String) {
        #expect(offer.header == header)
    }

    @Test(
        "A server's answer that follows the offer is accepted",
        arguments: [
            (PerMessageDeflateOffer(), NegotiationTests.both, PerMessageDeflate()),
            (.init(), "permessage-deflate; server_no_context_takeover", .init()),
            (
                .init(), NegotiationTests.both + "; client_max_window_bits=8; server_max_window_bits=9",
                .init(serverMaxWindowBits: 9, clientMaxWindowBits: 8)
            ),
            (free, "permessage-deflate", .init(serverNoContextTakeover: false, clientNoContextTakeover: false)),
            (
                free, "permessage-deflate; server_max_window_bits=10; client_no_context_takeover",
                .init(serverNoContextTakeover: false, serverMaxWindowBits: 10)
            ),
            (free, "permessage-deflate; server_no_context_takeover", .init(clientNoContextTakeover: false)),
            (
                .init(clientMaxWindowBits: 10), "permessage-deflate; server_no_context_takeover",
                .init(clientMaxWindowBits: 10)
            ),
        ] as [(PerMessageDeflateOffer, String, PerMessageDeflate)]
    )
    func accepted(offer: PerMessageDeflateOffer, response: String, agreed: PerMessageDeflate) throws {
        #expect(try offer.accept(response: [response]) == agreed)
    }

    @Test("No answer means no compression", arguments: [[], [""], [" ", ""]])
    func declined(response: [String]) throws {
        #expect(try PerMessageDeflateOffer().accept(response: response) == nil)
    }

    @Test(
        "Anything that was not offered is an error",
        arguments: [
            (PerMessageDeflateOffer(), "permessage-foo", .extensionNotOffered),
            (.init(), NegotiationTests.both + ", permessage-deflate", .extensionNotOffered),
            (.init(), "permessage-deflate; ;", .malformedResponse),
            (.init(), "permessage-deflate", .offerNotHonoured),
            (.init(), NegotiationTests.both + "; foo", .invalidParameter),
            (.init(), NegotiationTests.both + "; client_max_window_bits", .invalidParameter),
            (.init(), NegotiationTests.both + "; client_max_window_bits=7", .invalidParameter),
            (.init(), NegotiationTests.both + "; server_no_context_takeover", .invalidParameter),
            (.init(clientMaxWindowBits: 10), NegotiationTests.both + "; client_max_window_bits=11", .invalidParameter),
            (free, "permessage-deflate; client_max_window_bits=15", .invalidParameter),
            (free, "permessage-deflate; client_max_window_bits", .invalidParameter),
            (.init(serverMaxWindowBits: 10), NegotiationTests.both, .offerNotHonoured),
            (.init(serverMaxWindowBits: 10), NegotiationTests.both + "; server_max_window_bits=11", .offerNotHonoured),
        ] as [(PerMessageDeflateOffer, String, PerMessageDeflateError.Code)]
    )
    func refused(offer: PerMessageDeflateOffer, response: String, code: PerMessageDeflateError.Code) {
        let error = #expect(throws: PerMessageDeflateError.self) { try offer.accept(response: [response]) }
        #expect(error?.code == code)
        #expect(error?.description.isEmpty == false)
    }

    @Test("Our client accepts what our server answers, for every pair of settings")
    func bothEnds() throws {
        let choices = [false, true]
        for serverTakeover in choices {
            for clientTakeover in choices {
                for bits in [8, 11, 15] {
                    let policy = PerMessageDeflatePolicy(
                        allowsServerContextTakeover: serverTakeover,
                        allowsClientContextTakeover: clientTakeover,
                        serverMaxWindowBits: bits,
                        clientMaxWindowBits: bits
                    )
                    for offer in [PerMessageDeflateOffer(), Self.free, .init(serverMaxWindowBits: 9)] {
                        let answer = PerMessageDeflate.negotiate(offers: [offer.header], policy: policy)
                        let (agreed, response) = try #require(answer)
                        #expect(try offer.accept(response: [response]) == agreed)
                    }
                }
            }
        }
    }
}

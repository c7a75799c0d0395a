import Foundation
import NIOCore
import Testing

@testable import SocketIO

@Suite struct SocketValueCodableTests {
    struct Upload: Codable, Equatable {
        struct Part: Codable, Equatable {
            var data: Data
        }

        var name: String
        var size: Int
        var ratio: Double
        var sent: Date
        var thumbnail: Data?
        var parts: [Part] = []
    }

    static let upload = Upload(
        name: "a/ü",
        size: 9_007_199_254_740_993,
        ratio: 0.5,
        sent: Date(timeIntervalSince1970: 1_704_110_400.25),
        thumbnail: Data([1, 2]),
        parts: [Upload.Part(data: Data()), Upload.Part(data: Data([3]))]
    )

    @Test("A model becomes an object, its data binary and its dates text")
    func encodes() throws {
        let value = try SocketValue(encoding: Self.upload)
        let expected: SocketValue = [
            "name": "a/ü", "size": 9_007_199_254_740_993, "ratio": 0.5, "sent": "2024-01-01T12:00:00.250Z",
            "thumbnail": .binary(ByteBuffer(bytes: [1, 2])),
            "parts": [["data": .binary(ByteBuffer())], ["data": .binary(ByteBuffer(bytes: [3]))]],
        ]
        #expect(value == expected)
        #expect(try value.decode(Upload.self) == Self.upload)
    }

    @Test("A model without binary is kept as its bytes, with sorted keys")
    func staysRaw() throws {
        guard case .json(let bytes) = try SocketValue(encoding: ["b": 1, "a": 2]) else {
            Issue.record("it was parsed")
            return
        }
        #expect(String(buffer: bytes) == #"{"a":2,"b":1}"#)
    }

    @Test("Single values and arrays are models as well")
    func fragments() throws {
        #expect(try SocketValue(encoding: "x") == "x")
        #expect(try SocketValue(encoding: [1, 2]) == [1, 2])
        #expect(try SocketValue(encoding: Data([1])) == .binary(ByteBuffer(bytes: [1])))
        #expect(try SocketValue(encoding: Int?.none) == nil)
        #expect(try SocketValue.string("x").decode(String.self) == "x")
        #expect(try SocketValue.json(ByteBuffer(string: "[1, 2]")).decode([Int].self) == [1, 2])
        #expect(try SocketValue.binary(ByteBuffer(bytes: [1])).decode(Data.self) == Data([1]))
        #expect(try SocketValue.null.decode(Int?.self) == nil)
    }

    @Test("Data may come as base64, dates with or without a fraction")
    func tolerates() throws {
        #expect(try SocketValue.string("AQI=").decode(Data.self) == Data([1, 2]))
        let date = Date(timeIntervalSince1970: 1_704_110_400)
        #expect(try SocketValue.string("2024-01-01T12:00:00Z").decode(Date.self) == date)
        #expect(try SocketValue.string("2024-01-01T12:00:00.000Z").decode(Date.self) == date)
    }

    static let misfits: [SocketValue] = [
        1, "x", ["name": 1], .binary(ByteBuffer()), ["data": 0], ["data": ["_placeholder": true, "num": 0]],
        ["data": "*"],
        ["data": ["_placeholder": true, "num": -1]], .json(ByteBuffer(string: "no JSON")),
    ]

    @Test("A value that is no such model is refused", arguments: misfits)
    func refuses(value: SocketValue) {
        #expect(throws: DecodingError.self) { try value.decode(Upload.Part.self) }
        #expect(throws: DecodingError.self) { try value.decode(Date.self) }
    }

    @Test("A number that JSON cannot say is refused")
    func notANumber() {
        #expect(throws: EncodingError.self) { try SocketValue(encoding: [Double.nan]) }
    }
}

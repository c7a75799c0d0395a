import NIOCore
import Testing

@testable import ParleyModel

@Suite struct WallTimeTests {
    static let moments: [(milliseconds: Int64, text: String)] = [
        (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (999, "1970-01-01T00:00:00.999Z"),
        (946_684_799_999, "1999-12-31T23:59:59.999Z"), (951_825_600_000, "2000-02-29T12:00:00.000Z"),
        (1_704_110_400_000, "2024-01-01T12:00:00.000Z"), (1_709_251_199_050, "2024-02-29T23:59:59.050Z"),
        (1_709_251_200_000, "2024-03-01T00:00:00.000Z"), (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
        (4_107_542_399_000, "2100-02-28T23:59:59.000Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"),
        (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
    ]

    @Test("A moment is written in UTC with three fractional digits", arguments: moments)
    func iso8601(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).iso8601 == text)
        var buffer = ByteBuffer(string: "<")
        WallTime(milliseconds: milliseconds).writeISO8601(into: &buffer)
        #expect(String(buffer: buffer) == "<\(text)")
    }

    @Test(
        "Seconds are rounded down on both sides of 1970",
        arguments: [(0, 0), (999, 0), (1000, 1), (-1, -1), (-1000, -1), (-1001, -2)]
    )
    func seconds(milliseconds: Int64, seconds: Int64) {
        #expect(WallTime(milliseconds: milliseconds).seconds == seconds)
    }

    @Test("Times compare by their milliseconds")
    func order() {
        #expect(WallTime(milliseconds: -1) < WallTime(milliseconds: 0))
        #expect(!(WallTime(milliseconds: 5) < WallTime(milliseconds: 5)))
    }

    @Test(
        "Each day of a year, leap or not, comes back from its calendar date",
        arguments: [1970, 1972, 1999, 2000, 2001, 2023, 2024, 2096, 2100, 2104, 2400, 9999]
    )
    func everyDay(year: Int) throws {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var expected = try #require(WallTime(year: year, month: 1, day: 1, hour: 13, minute: 5, second: 9))
        for (month, length) in zip(1..., lengths) {
            for day in 1...length {
                let time = try #require(WallTime(year: year, month: month, day: day, hour: 13, minute: 5, second: 9))
                #expect(time == expected)
                #expect(
                    time.iso8601
                        == "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T13:05:09.000Z"
                )
                expected.milliseconds += 86_400_000
            }
            #expect(WallTime(year: year, month: month, day: length + 1, hour: 0, minute: 0, second: 0) == nil)
        }
    }

    @Test(
        "The calendar date of a written time gives that time again",
        arguments: moments.filter { $0.milliseconds >= 0 }
    )
    func inverse(milliseconds: Int64, text: String) throws {
        let parts = text.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        let time = try #require(
            WallTime(year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5])
        )
        #expect(time.milliseconds == milliseconds / 1000 * 1000)
    }

    @Test("A leap second is the first of the next minute")
    func leapSecond() {
        #expect(
            WallTime(year: 2016, month: 12, day: 31, hour: 23, minute: 59, second: 60)
                == WallTime(year: 2017, month: 1, day: 1, hour: 0, minute: 0, second: 0)
        )
    }

    static let impossible: [[Int]] = [
        [1969, 12, 31, 0, 0, 0], [10_000, 1, 1, 0, 0, 0], [2024, 0, 1, 0, 0, 0], [2024, 13, 1, 0, 0, 0],
        [2024, 1, 0, 0, 0, 0],
        [2024, 1, 32, 0, 0, 0], [2023, 2, 29, 0, 0, 0], [2024, 2, 30, 0, 0, 0], [2100, 2, 29, 0, 0, 0],
        [2024, 4, 31, 0, 0, 0],
        [2024, 1, 1, 24, 0, 0], [2024, 1, 1, 0, 60, 0], [2024, 1, 1, 0, 0, 61], [2024, 1, 1, -1, 0, 0],
        [2024, -1, 1, 0, 0, 0],
        [.max, 1, 1, 0, 0, 0], [.min, 1, 1, 0, 0, 0],
    ]

    @Test("A part out of its range makes no time", arguments: impossible)
    func outOfRange(parts: [Int]) {
        #expect(
            WallTime(year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5])
                == nil
        )
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

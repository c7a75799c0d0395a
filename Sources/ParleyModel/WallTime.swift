public import NIOCore

/// A point in time as people read it: milliseconds since 1970-01-01T00:00:00Z.
public struct WallTime: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    public static func < (lhs: WallTime, rhs: WallTime) -> Bool { lhs.milliseconds < rhs.milliseconds }

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 {
        self.milliseconds >= 0 ? self.milliseconds / 1000 : (self.milliseconds - 999) / 1000
    }
}

extension WallTime {
    /// Itself, or the first point in time after another where it is not after that already: clocks are set, and count in steps.
    public func after(_ other: WallTime) -> WallTime {
        max(self, WallTime(milliseconds: other.milliseconds + 1))
    }

    /// `2024-01-01T12:00:00.000Z`: UTC, ISO 8601, exactly three fractional digits.
    public var iso8601: String {
        var buffer = ByteBufferAllocator().buffer(capacity: 24)
        self.writeISO8601(into: &buffer)
        return String(buffer: buffer)
    }

    /// Appends the 24 bytes of ``iso8601``.
    public func writeISO8601(into buffer: inout ByteBuffer) {
        let seconds = self.seconds
        let fraction = Int(self.milliseconds - seconds * 1000)
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let clock = Int(seconds - days * 86400)
        let (year, month, day) = Self.civil(daysSince1970: Int(days))
        buffer.writeDecimal(year, digits: 4)
        buffer.writeInteger(UInt8(ascii: "-"))
        buffer.writeDecimal(month, digits: 2)
        buffer.writeInteger(UInt8(ascii: "-"))
        buffer.writeDecimal(day, digits: 2)
        buffer.writeInteger(UInt8(ascii: "T"))
        buffer.writeDecimal(clock / 3600, digits: 2)
        buffer.writeInteger(UInt8(ascii: ":"))
        buffer.writeDecimal(clock / 60 % 60, digits: 2)
        buffer.writeInteger(UInt8(ascii: ":"))
        buffer.writeDecimal(clock % 60, digits: 2)
        buffer.writeInteger(UInt8(ascii: "."))
        buffer.writeDecimal(fraction, digits: 3)
        buffer.writeInteger(UInt8(ascii: "Z"))
    }

    /// The Gregorian date of a day number, by Howard Hinnant's `civil_from_days`: March-based years of whole 400-year eras.
    private static func civil(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension ByteBuffer {
    /// Appends `value` in decimal, padded with zeros to `digits`.
    mutating func writeDecimal(_ value: Int, digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            self.writeInteger(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }
}

extension WallTime {
    /// A date and time of the Gregorian calendar, in UTC.
    /// - Returns: `nil` when a part is out of its range, or the month has no such day.
    public init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        guard Self.civil(daysSince1970: days) == (year, month, day) else { return nil }
        self.init(milliseconds: Int64(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
    }
}

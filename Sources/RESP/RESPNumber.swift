/// Numbers in the protocol's decimal digits.
enum RESPNumber {
    /// - Returns: `nil` for what is no number, and for one that does not fit into 64 bits.
    static func integer(_ digits: some Collection<UInt8>) -> Int64? {
        var rest = digits[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        var number: Int64 = 0
        for byte in rest {
            guard let digit = self.digit(byte) else { return nil }
            // Towards the sign from the first digit on, as the least number has no positive twin.
            let (tens, isTooLong) = number.multipliedReportingOverflow(by: 10)
            let (next, isTooMuch) =
                isNegative ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
            guard !isTooLong, !isTooMuch else { return nil }
            number = next
        }
        return number
    }

    static func isBigNumber(_ digits: some Collection<UInt8>) -> Bool {
        var rest = digits[...]
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        return !rest.isEmpty && rest.allSatisfy { self.digit($0) != nil }
    }

    /// `1`, `-1.5`, `1e-7`, `inf`, `-inf`, `nan`. Not what Swift reads besides, such as hexadecimal digits.
    static func double(_ bytes: some Collection<UInt8>) -> Double? {
        let text = String(decoding: bytes, as: UTF8.self)
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            guard bytes.first.map({ self.digit($0) != nil || "+-.".utf8.contains($0) }) == true,
                bytes.allSatisfy({ self.digit($0) != nil || "+-.eE".utf8.contains($0) })
            else { return nil }
            return Double(text)
        }
    }

    private static func digit(_ byte: UInt8) -> Int64? {
        let value = byte &- UInt8(ascii: "0")
        return value < 10 ? Int64(value) : nil
    }
}

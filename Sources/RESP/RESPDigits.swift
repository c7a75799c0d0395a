internal import NIOCore

/// A number in decimal digits, without a string that is made for it.
struct RESPDigits {
    private let number: Int64
    let count: Int

    init(_ number: Int64) {
        self.number = number
        var count = number < 0 ? 2 : 1
        var rest = number.magnitude / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        self.count = count
    }

    func write(into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: self.count) { bytes in
            var rest = self.number.magnitude
            var index = self.count
            repeat {
                index -= 1
                bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if self.number < 0 { bytes[0] = UInt8(ascii: "-") }
            return self.count
        }
    }
}

internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyTransport

extension SocketIOFormats {
    /// Registers the formats; before the hub is made.
    init(in formats: inout HubConfiguration.Formats, dialect: DialectName, configuration: SocketIOConfiguration) {
        self.init(in: &formats, dialect: dialect, configuration: configuration) { kind, message, bits, wire in
            LoopTools.current.writeFrame(kind, message, windowBits: bits, into: &wire)
        }
    }
}

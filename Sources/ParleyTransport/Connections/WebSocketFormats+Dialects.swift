internal import ParleyDialects
package import ParleyHub
internal import ParleyModel

/// The formats of dialects. Made here, where the compiler sees encoder and frames together and makes one of both, and not where the
/// dialects are configured.
extension WebSocketFormats {
    package static func sessionChat(in formats: inout HubConfiguration.Formats) -> WebSocketFormats {
        WebSocketFormats(SessionChatEncoder(), of: .sessionChat, compressing: false, in: &formats)
    }

    package static func disposableChat(in formats: inout HubConfiguration.Formats) -> WebSocketFormats {
        WebSocketFormats(DisposableChatEncoder(), of: .disposableChat, compressing: false, in: &formats)
    }

    package static func channelServer(in formats: inout HubConfiguration.Formats) -> WebSocketFormats {
        WebSocketFormats(ChannelServerEncoder(), of: .channelServer, compressing: false, in: &formats)
    }

    package static func relay(compressing: Bool, in formats: inout HubConfiguration.Formats) -> WebSocketFormats {
        WebSocketFormats(RelayEncoder(), of: .relay, compressing: compressing, in: &formats)
    }
}

// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "parley-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "parley", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.90.0"),
    ],
    targets: [
        .target(name: "FuzzSupport", swiftSettings: settings),
        // The sources of RESP by a link to them, as it is in no product.
        .target(
            name: "FuzzedRESP",
            dependencies: [.product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "fuzz-dialects",
            dependencies: [
                "FuzzSupport",
                .product(name: "ParleyDialects", package: "parley"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "fuzz-resp",
            dependencies: ["FuzzSupport", "FuzzedRESP", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "fuzz-socketio",
            dependencies: [
                "FuzzSupport",
                .product(name: "EngineIO", package: "parley"),
                .product(name: "SocketIO", package: "parley"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "fuzz-websocket",
            dependencies: [
                "FuzzSupport",
                .product(name: "WebSocketProtocol", package: "parley"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
    ]
)

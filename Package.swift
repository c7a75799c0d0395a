// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "parley",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "parley", targets: ["parley"]),
        .library(name: "ParleyClient", targets: ["ParleyClient"]),
        .library(name: "ParleyTesting", targets: ["ParleyTesting"]),
        .library(name: "ParleyBackendsTesting", targets: ["ParleyBackendsTesting"]),
        .library(name: "WebSocketProtocol", targets: ["WebSocketProtocol"]),
        .library(name: "EngineIO", targets: ["EngineIO"]),
        .library(name: "SocketIO", targets: ["SocketIO"]),
        .library(name: "ParleyDialects", targets: ["ParleyDialects", "ParleyModel"]),
        .library(name: "ParleyServer", targets: ["ParleyServer"]),
        .library(name: "ParleySocketIO", targets: ["ParleySocketIO"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.90.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.30.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.4.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.25.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.0.0"),
    ],
    targets: [
        // Sans-IO: bytes and time in, actions out.
        .target(name: "ParleyText", swiftSettings: settings),
        .target(name: "ParleyModel", dependencies: ["ParleyText", nioCore], swiftSettings: settings),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "CProcess"),
        .target(name: "WebSocketProtocol", dependencies: ["ParleyText", nioCore, "CZlib"], swiftSettings: settings),
        .target(name: "EngineIO", dependencies: ["ParleyText", nioCore], swiftSettings: settings),
        .target(name: "SocketIO", dependencies: ["ParleyModel", "ParleyText", nioCore], swiftSettings: settings),
        .target(name: "RESP", dependencies: [nioCore], swiftSettings: settings),
        .target(
            name: "ParleyDialects",
            dependencies: ["ParleyModel", "ParleyText", nioCore],
            swiftSettings: settings
        ),

        // The core.
        .target(name: "ParleyHub", dependencies: ["ParleyModel", "ParleyText", nioCore], swiftSettings: settings),

        // Adapters: one heavy dependency each.
        .target(
            name: "ParleyJWT",
            dependencies: [
                "ParleyHub", "ParleyModel", "ParleyText", nioCore, .product(name: "JWTKit", package: "jwt-kit"),
            ],
            swiftSettings: settings
        ),

        .target(
            name: "ParleySQLite",
            dependencies: [
                "ParleyHub", "ParleyModel", nioCore,
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyRedis",
            dependencies: ["ParleyModel", "ParleyText", "RESP", nioCore, nioPosix, nioSSL, logging],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyAI",
            dependencies: [
                "ParleyDialects", "ParleyModel", "ParleyText", nioCore, nioHTTP1,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyBackends",
            dependencies: [
                "CProcess", "ParleyHub", "ParleyModel", "ParleyText", "WebSocketProtocol", nioCore, nioPosix, logging,
                nioHTTP1,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings
        ),

        .target(
            name: "ParleyTransport",
            dependencies: [
                "CMalloc", "ParleyDialects", "ParleyHub", "ParleyModel", "ParleyText", "WebSocketProtocol", nioCore,
                nioPosix, nioHTTP1, nioSSL, logging,
            ],
            swiftSettings: settings
        ),

        .target(
            name: "ParleyHTTP",
            dependencies: [
                "ParleyModel", "ParleyText", "ParleyTransport", nioCore, nioHTTP1, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ],
            swiftSettings: settings
        ),

        // Edges.
        .target(
            name: "ParleySocketIO",
            dependencies: [
                "EngineIO", "ParleyHub", "ParleyModel", "ParleyText", "ParleyTransport", "SocketIO",
                "WebSocketProtocol", nioCore, nioPosix, nioHTTP1, logging,
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyGateway",
            dependencies: [
                "EngineIO", "ParleyDialects", "ParleyHTTP", "ParleyHub", "ParleyModel", "ParleySocketIO", "ParleyText",
                "ParleyTransport", "SocketIO", "WebSocketProtocol", nioCore, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyBackendsHTTP",
            dependencies: [
                "ParleyBackends", "ParleyHTTP", "ParleyHub", "ParleyModel", "ParleyText", "ParleyTransport",
                "WebSocketProtocol", nioCore, nioPosix, nioHTTP1, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyServer",
            dependencies: [
                "ParleyBackends", "ParleyBackendsHTTP", "ParleyDialects", "ParleyGateway", "ParleyHTTP", "ParleyHub",
                "ParleyModel", "ParleySocketIO", "ParleyText", "ParleyTransport", "WebSocketProtocol", nioCore,
                nioPosix, nioHTTP1, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyClient",
            dependencies: ["ParleyModel", "ParleyText", "WebSocketProtocol", nioCore, nioPosix, nioHTTP1, nioSSL],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyTesting",
            dependencies: ["ParleyClient", "ParleyHub", "ParleyModel", "ParleyText", "WebSocketProtocol", nioCore],
            swiftSettings: settings
        ),
        .target(
            name: "ParleyBackendsTesting",
            dependencies: ["ParleyBackends", "ParleyTesting", nioCore],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "parley",
            dependencies: [
                "ParleyModel", "ParleyText", "ParleyHub", "ParleyJWT", "ParleySQLite", "ParleyAI", "ParleyBackends",
                "ParleyServer", "ParleyClient", "ParleyTransport", "ParleyGateway", "ParleyBackendsHTTP",
                "ParleyDialects", "EngineIO", "ParleySocketIO",
                "WebSocketProtocol", nioCore, nioPosix, nioHTTP1, nioSSL,
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings
        ),

        .executableTarget(
            name: "socketio-chat",
            dependencies: ["ParleySocketIO", "SocketIO"],
            path: "Examples/socketio-chat",
            swiftSettings: settings
        ),

        // What `parley serve --dev` offers as a session backend.
        .executableTarget(
            name: "whiteboard",
            dependencies: [
                nioCore, nioPosix, nioHTTP1,
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
            ],
            path: "Examples/whiteboard",
            swiftSettings: settings
        ),

        // What public suites and benchmarks drive; not in a product.
        .executableTarget(
            name: "socketio-fixture",
            dependencies: [
                "ParleySocketIO", "EngineIO", "ParleyModel", "SocketIO", nioCore, logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Conformance/socketio-fixture",
            swiftSettings: settings
        ),

        .testTarget(name: "ParleyTextTests", dependencies: ["ParleyText"], swiftSettings: settings),
        .testTarget(name: "ParleyModelTests", dependencies: ["ParleyModel", nioCore], swiftSettings: settings),
        .testTarget(
            name: "WebSocketProtocolTests",
            dependencies: ["WebSocketProtocol", nioCore],
            swiftSettings: settings
        ),
        .testTarget(name: "EngineIOTests", dependencies: ["EngineIO", nioCore], swiftSettings: settings),
        .testTarget(name: "RESPTests", dependencies: ["RESP", nioCore], swiftSettings: settings),
        .testTarget(
            name: "SocketIOTests",
            dependencies: ["SocketIO", "ParleyModel", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleySocketIOTests",
            dependencies: [
                "ParleySocketIO", "ParleyHub", "EngineIO", "SocketIO", "ParleyModel", nioCore,
                nioEmbedded,
                nioHTTP1,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyDialectsTests",
            dependencies: ["ParleyDialects", "ParleyModel", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyHubTests",
            dependencies: ["ParleyHub", "ParleyTesting", "ParleyModel", nioCore, nioEmbedded, nioPosix],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyBackendsTests",
            dependencies: [
                "ParleyBackends", "ParleyBackendsTesting", "ParleyHub", "ParleyModel", "ParleyTesting",
                "WebSocketProtocol", nioCore, nioPosix,
                logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyClientTests",
            dependencies: ["ParleyClient", "WebSocketProtocol", "parley", nioCore, nioPosix, nioHTTP1, nioSSL],
            swiftSettings: settings
        ),
        .testTarget(
            name: "TranscriptTests",
            dependencies: [
                "ParleyTesting", "ParleyClient", "ParleyGateway", "ParleyServer", "ParleyHub", "ParleyDialects",
                "ParleyModel",
                logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyTransportTests",
            dependencies: [
                "ParleyTransport", "ParleyDialects", "ParleyHub", "ParleyModel", "WebSocketProtocol", nioCore,
                nioEmbedded, nioHTTP1, nioPosix, logging,
            ],
            swiftSettings: settings
        ),
        // What tests of HTTP APIs have in common.
        .target(
            name: "ParleyHTTPTesting",
            dependencies: [
                "ParleyHTTP", "ParleyModel", nioCore, nioEmbedded,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Tests/ParleyHTTPTesting",
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyHTTPTests",
            dependencies: [
                "ParleyHTTP", "ParleyModel", "ParleyTransport", nioHTTP1,
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyGatewayTests",
            dependencies: [
                "ParleyGateway", "ParleyDialects", "ParleyHTTP", "ParleyHTTPTesting", "ParleyHub", "ParleyModel",
                "ParleyTransport", nioCore, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyBackendsHTTPTests",
            dependencies: [
                "ParleyBackendsHTTP", "ParleyBackends", "ParleyHub", "ParleyModel", "ParleyTransport",
                "WebSocketProtocol", nioCore, nioEmbedded, nioHTTP1,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyServerTests",
            dependencies: [
                "ParleyServer", "ParleyBackends", "ParleyBackendsHTTP", "ParleyGateway", "ParleyHTTP",
                "ParleyHTTPTesting", "ParleyHub", "ParleyModel", "ParleyTransport", nioCore,
                nioHTTP1, nioPosix, logging,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyJWTTests",
            dependencies: [
                "ParleyJWT", "ParleyHub", "ParleyModel", .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyAITests",
            dependencies: [
                "ParleyAI", "ParleyDialects", "ParleyModel", "ParleyText", nioCore, nioPosix, nioHTTP1,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleySQLiteTests",
            dependencies: [
                "ParleySQLite", "ParleyTesting", "ParleyHub", "ParleyModel", nioCore,
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyRedisTests",
            dependencies: ["ParleyRedis", "RESP", nioCore, nioPosix, logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ParleyCommandTests",
            dependencies: [
                "parley", "ParleyBackends", "ParleyBackendsHTTP", "ParleyGateway", "ParleyModel", "ParleyServer",
                "ParleyTransport", nioCore, logging,
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "DocumentationTests", dependencies: ["parley", "ParleyModel"], swiftSettings: settings),
        .testTarget(name: "StructureTests", swiftSettings: settings),
    ]
)

// swift-tools-version: 6.2
import PackageDescription

// A program of somebody else: it takes Socket.IO and nothing else of Parley.
let package = Package(
    name: "socketio-alone",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "parley", path: "../..")],
    targets: [
        .executableTarget(
            name: "socketio-alone",
            dependencies: [
                .product(name: "ParleySocketIO", package: "parley"), .product(name: "SocketIO", package: "parley"),
            ]
        )
    ]
)

// swift-tools-version: 6.2
import PackageDescription

// The rooms of the house and what each may import: docs/architecture.md, section 2.
// C libraries are linked statically (docs/decisions, D28): `link` is absent from their module maps and the
// archives are named here, users before used.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// libnl keeps its headers in a folder of its own.
let libnlHeaders: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-I/usr/include/libnl3"])]

func room(
    _ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = [],
    linker: [LinkerSetting]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict + settings, linkerSettings: linker)
}

func program(
    _ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = []
) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict + settings)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], settings: [SwiftSetting] = []
) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict + settings)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "hasup",
    products: [
        .executable(name: "hasupd", targets: ["Supervisor"]),
        .executable(name: "hasup-checker", targets: ["CheckerWorker"]),
        .executable(name: "hasup", targets: ["hasup"]),
        .executable(name: "hasup-sim", targets: ["Simulator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        // Pure: values, codecs, decisions. No clock, no descriptor, no Glibc.
        room("Base"),
        room("Wire", ["Base"]),
        room("ConfigurationModel", ["Base"]),
        room("Configuration", ["Base", "ConfigurationModel"]),
        room("Varlink", ["Base"]),
        room("VRRP", ["Base", "Wire", "ConfigurationModel", "Varlink"]),
        room("LoadBalancing", ["Base", "Wire", "ConfigurationModel"]),
        room("Supervision", ["Base", "ConfigurationModel"]),

        // Effects.
        .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .systemLibrary(name: "CLibcap"),
        .systemLibrary(name: "CLibnl"),
        .systemLibrary(name: "CLibseccomp"),
        .systemLibrary(name: "CNettle"),
        room("Authentication", ["Base", "Wire", "CNettle"], linker: [.linkedLibrary(":libnettle.a")]),
        room("Reactor", ["Base", "CLinux"]),
        room("WorkerProtocol", ["Base", "ConfigurationModel", "Reactor", "CLinux"]),
        room("Control", ["Base", "VRRP", "Reactor", "Varlink", "CLinux"]),
        room("Files", ["Base", "ConfigurationModel", "Configuration", "Reactor", "CLinux"]),
        room(
            "Kernel", ["Base", "Wire", "ConfigurationModel", "LoadBalancing", "Reactor", "CLinux", "CLibnl"],
            settings: libnlHeaders,
            linker: [
                .linkedLibrary(":libnl-route-3.a"), .linkedLibrary(":libnl-genl-3.a"), .linkedLibrary(":libnl-3.a"),
            ]),
        room(
            "Sandbox", ["Base", "Reactor", "CLinux", "CLibcap", "CLibseccomp"],
            linker: [.linkedLibrary(":libcap.a"), .linkedLibrary(":libseccomp.a")]),
        room("LogOutput", ["Base", "Reactor", "CLinux", logging]),

        // Programs. The VRRP worker is a role of the supervisor's image (docs/processes.md).
        room(
            "VRRPWorker",
            [
                "Base", "Wire", "ConfigurationModel", "VRRP", "Supervision", "WorkerProtocol", "Varlink", "Reactor",
                "Kernel", "Sandbox", "Authentication", "CLinux",
            ], settings: libnlHeaders),
        program(
            "Supervisor",
            [
                "Base", "ConfigurationModel", "Configuration", "VRRP", "LoadBalancing", "Supervision",
                "WorkerProtocol", "Varlink", "Control", "Reactor", "Kernel",
                "Sandbox", "LogOutput", "VRRPWorker", "Files", "Authentication", "CLinux", logging,
            ], settings: libnlHeaders),
        program(
            "CheckerWorker",
            ["Base", "ConfigurationModel", "LoadBalancing", "WorkerProtocol", "Reactor", "Sandbox", "CLinux"]),
        program(
            "hasup",
            [
                "Base", "ConfigurationModel", "Configuration", "VRRP", "Files", "Varlink", "Control", "Reactor",
                "Authentication", "CLinux", argumentParser,
            ]),
        program("Simulator", ["Base", "Wire", "ConfigurationModel", "VRRP", "LoadBalancing"]),

        tests("BaseTests", ["Base"]),
        tests("WireTests", ["Base", "Wire"]),
        tests("AuthenticationTests", ["Base", "Wire", "Authentication"]),
        tests("ConfigurationTests", ["Base", "ConfigurationModel", "Configuration"]),
        tests("VRRPTests", ["Base", "Wire", "ConfigurationModel", "VRRP", "Varlink"]),
        tests("LoadBalancingTests", ["Base", "Wire", "ConfigurationModel", "LoadBalancing", "Simulator"]),
        tests("SupervisionTests", ["Base", "ConfigurationModel", "Supervision"]),
        tests(
            "IPCTests",
            ["Base", "ConfigurationModel", "VRRP", "WorkerProtocol", "Varlink", "Control", "Reactor", "CLinux"]),
        tests(
            "CommandTests",
            [
                "Base", "ConfigurationModel", "Configuration", "VRRP", "Files", "Varlink", "Control", "Reactor",
                "Authentication", "hasup",
                argumentParser,
            ]),
        tests("ReactorTests", ["Base", "Reactor", "CLinux"]),
        tests(
            "KernelTests",
            ["Base", "Wire", "ConfigurationModel", "LoadBalancing", "Reactor", "Kernel", "CLinux"],
            settings: libnlHeaders),
        tests(
            "SupervisorTests",
            [
                "Base", "ConfigurationModel", "Configuration", "VRRP", "LoadBalancing", "WorkerProtocol", "Varlink",
                "Control", "Reactor", "Kernel", "Supervisor", "Sandbox", "Supervision", "LogOutput", "CLinux", logging,
            ], settings: libnlHeaders),
        tests("SandboxTests", ["Base", "Reactor", "Sandbox", "CLinux"]),
        tests("LogOutputTests", ["Base", "LogOutput"]),
        tests("SimulationTests", ["Base", "Wire", "ConfigurationModel", "VRRP", "LoadBalancing", "Simulator"]),
    ]
)

// libFuzzer brings its own main and wants every module instrumented, so this exists for `make fuzz` only, which builds
// in a folder of its own.
if Context.environment["HASUP_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "hasup-fuzz",
            dependencies: [
                "Base", "Wire", "ConfigurationModel", "Configuration", "VRRP", "LoadBalancing", "VRRPWorker",
                "WorkerProtocol", "Varlink", "Control", "Kernel", "Reactor", "Supervision", "CLinux",
            ],
            path: "Tests/Fuzz", exclude: ["README.md", "run"],
            swiftSettings: strict + libnlHeaders + [.unsafeFlags(["-parse-as-library"])]))
}

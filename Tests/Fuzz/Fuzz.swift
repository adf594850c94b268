import Foundation

/// One decoder of strangers' bytes.
protocol FuzzTarget: SendableMetatype {
    /// Inputs to begin with: what the other side would really send.
    static func seeds() -> [[UInt8]]
    /// Decodes it. Whatever is in it, this must return; what was decoded must keep its promises.
    static func run(_ input: UnsafeRawBufferPointer)
}

/// By the names that `make fuzz` uses.
private let targets: [String: any FuzzTarget.Type] = [
    "configuration": ConfigurationFuzz.self, "formatter": FormatterFuzz.self, "model": ModelFuzz.self,
    "frames": FrameFuzz.self,
    "control": ControlFuzz.self, "packets": PacketFuzz.self, "snapshot": SnapshotFuzz.self,
    "notifications": NotificationsFuzz.self, "ipvs": IPVSFuzz.self, "checks": CheckFuzz.self,
    "heartbeats": HeartbeatFuzz.self, "serial": SerialFuzz.self, "answers": AnswerFuzz.self,
]

/// The target that HASUP_FUZZ_TARGET names.
private let target: any FuzzTarget.Type = {
    let name = ProcessInfo.processInfo.environment["HASUP_FUZZ_TARGET"] ?? ""
    guard let target = targets[name] else {
        print("HASUP_FUZZ_TARGET is one of \(targets.keys.sorted().joined(separator: ", "))")
        exit(64)
    }
    return target
}()

/// libFuzzer calls it before it reads the corpus, so that seeds can still be put there.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> Int32 {
    if let folder = ProcessInfo.processInfo.environment["HASUP_FUZZ_SEEDS"] {
        for (number, seed) in target.seeds().enumerated() {
            let path = URL(filePath: folder).appending(path: "seed-\(number)")
            do { try Data(seed).write(to: path) } catch { print("\(path.path): \(error)") }
        }
    }
    return 0
}

/// libFuzzer calls it with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

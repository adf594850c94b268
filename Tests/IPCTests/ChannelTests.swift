import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Testing

@testable import WorkerProtocol

/// Two ends of a socket pair: a channel under test, and a raw socket that plays a stranger.
private final class Bench {
    let loop: EventLoop
    let stranger: Int32
    var channel: Channel?
    var frames: [Frame] = []
    var end: ChannelEnd?

    init() throws {
        loop = try EventLoop()
        var pair: [Int32] = [-1, -1]
        try checked(hasup_socketpair(&pair), "pair")
        stranger = pair[1]
        channel = try Channel(
            Descriptor(owning: pair[0]), on: loop,
            onFrame: { [unowned self] frame throws(FrameError) in
                if frame.header.type == 0xdead { throw .unknownType(0xdead) }
                self.frames.append(frame)
            }, onEnd: { [unowned self] in self.end = $0 })
    }

    deinit { close(stranger) }

    func say(_ bytes: [UInt8], descriptors: [Int32] = []) {
        _ = hasup_send_packet(stranger, bytes, bytes.count, descriptors, Int32(descriptors.count))
    }
}

private func frame(length: UInt32? = nil, type: UInt16 = 1, flags: UInt16 = 0, payload: [UInt8] = []) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(length ?? UInt32(FrameHeader.size + payload.count))
    writer.write(type)
    writer.write(flags)
    writer.write(UInt32(42))
    writer.write(payload)
    return writer.bytes
}

private func openDescriptors() -> Int { (0..<256).count { fcntl(Int32($0), F_GETFD) >= 0 } }

@Suite("Channels between hasupd and its workers", .serialized)
struct ChannelTests {
    @Test("a frame arrives with header, payload and descriptors")
    func arrives() throws {
        let bench = try Bench()
        var pipes: [Int32] = [-1, -1]
        #expect(pipe(&pipes) == 0)
        bench.say(frame(type: 0x102, flags: 1, payload: [1, 2, 3]), descriptors: [pipes[1]])
        close(pipes[1])
        try bench.loop.turn()
        let received = try #require(bench.frames.first)
        #expect(received.header.type == 0x102 && received.header.correlation == 42 && received.payload == [1, 2, 3])
        let passed = try received.descriptors.take(0)
        #expect(write(passed.number, "x", 1) == 1)
        #expect(throws: FrameError.self) { _ = try received.descriptors.take(0) }
        close(pipes[0])
    }

    @Test(
        "torn, padded and hostile frames end the channel with a reason, and nothing is delivered",
        arguments: [
            [0], [0, 0, 0, 12], frame(length: 13), frame(length: 11), frame(length: 0), frame(length: .max),
            frame(length: 12, payload: [1]), frame(flags: 1), frame(flags: 0x0010), frame(flags: 0x3ff0),
            frame(flags: 0x8000),
            frame(type: 0xdead),
        ])
    func hostile(_ bytes: [UInt8]) throws {
        let bench = try Bench()
        bench.say(bytes)
        bench.say(frame())
        try bench.loop.turn()
        #expect(bench.frames.isEmpty)
        guard case .protocolError = bench.end else {
            Issue.record("ended with \(String(describing: bench.end))")
            return
        }
        #expect(bench.channel?.isOpen == false)
    }

    @Test("an oversized frame ends the channel")
    func oversized() throws {
        let bench = try Bench()
        bench.say([UInt8](repeating: 0, count: FrameHeader.frameSizeMax + 1))
        try bench.loop.turn()
        #expect(bench.frames.isEmpty && bench.end != nil)
    }

    @Test("descriptors that nobody asked for are closed")
    func strayDescriptors() throws {
        let bench = try Bench()
        let before = openDescriptors()
        for _ in 0..<20 { bench.say(frame(flags: 2), descriptors: [0, 1]) }
        bench.channel?.drain()
        #expect(bench.frames.count == 20)
        bench.frames = []
        #expect(openDescriptors() == before)
    }

    @Test("random frames never do more than end the channel")
    func random() throws {
        var generator = SeededRandom(seed: 1)
        for _ in 0..<300 {
            let bench = try Bench()
            let count = Int.random(in: 1...64, using: &generator)
            bench.say((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
            try bench.loop.turn()
            #expect(bench.frames.isEmpty && bench.end != nil)
        }
    }

    @Test("the last words of a process that has ended are heard when its channel is drained")
    func lastWords() throws {
        let bench = try Bench()
        for _ in 0..<3 { bench.say(frame()) }
        shutdown(bench.stranger, Int32(SHUT_RDWR))
        bench.channel?.drain()
        #expect(bench.frames.count == 3)
        #expect(bench.end == .closed)
    }

    @Test("the end of the other side is told once")
    func closed() throws {
        let bench = try Bench()
        shutdown(bench.stranger, Int32(SHUT_RDWR))
        try bench.loop.turn()
        #expect(bench.end == .closed)
    }

    @Test("frames to a slow reader keep their order; one that never reads is given up")
    func slowReader() throws {
        let bench = try Bench()
        let payload = [UInt8](repeating: 7, count: 1_000)
        var sent: UInt16 = 0
        while bench.end == nil, sent < 6_000 {
            bench.channel?.send(FrameHeader(type: sent), payload)
            sent += 1
        }
        #expect(bench.end == .notReading)
        var expected: UInt16 = 0
        var buffer = [UInt8](repeating: 0, count: 2_000)
        while recv(bench.stranger, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {
            #expect(UInt16(buffer[4]) << 8 | UInt16(buffer[5]) == expected)
            expected += 1
        }
        #expect(expected > 0)
    }

    @Test("one that asks for descriptors and never reads is given up before they are all ours")
    func slowReaderOfDescriptors() throws {
        let bench = try Bench()
        let file = try owned(hasup_memfd_create("x"), "create a memory file")
        var most = 0
        for _ in 0..<2_000 where bench.end == nil {
            bench.channel?.send(FrameHeader(type: 1), descriptors: [file.number])
            most = max(most, copies(of: file.number))
        }
        #expect(bench.end == .notReading)
        #expect((2...Channel.waitingDescriptorsMax + 1).contains(most))
        #expect(copies(of: file.number) == 1)
    }

    /// Other tests run beside this one: only those of this file count.
    private func copies(of file: Int32) -> Int {
        var wanted = stat()
        fstat(file, &wanted)
        return (3..<4_096).count {
            var found = stat()
            return fstat(Int32($0), &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev
        }
    }

    @Test("every message of every direction survives the way, and no other direction reads it")
    func messages() throws {
        let bench = try Bench()
        let other = try Bench()
        let channel = try #require(bench.channel)
        let messages: [VRRPToSupervisor] = [
            .hello(
                version: 1,
                SandboxReport(shortfalls: ["a", "ü"], isConfined: true, isDumpable: false, workingDirectory: "/x")),
            .configured(generation: 3), .worked,
            .openSocket(generation: 1, instance: 2),
            .openHeartbeatSocket(generation: 1, HeartbeatPlace(cluster: 2, path: 3, node: 4)),
            .openReferenceSocket(generation: 1, ReferencePlace(cluster: 2, reference: 3)),
            .openQuestionSocket(generation: 1, instance: 2),
            .notify(generation: 1, [3, 4, 5]),
            .hooks(generation: 1, [3, 4, 5]), .observations(generation: 9, [1, 2]), .status(generation: 9, []),
            .clusterNode([1, 2, 3]),
            .log(.warning, "text"), .stopped,
        ]
        for message in messages { message.send(on: channel) }
        var buffer = [UInt8](repeating: 0, count: 2_000)
        for message in messages {
            let size = recv(bench.stranger, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            other.say(Array(buffer.prefix(size)))
            try other.loop.turn()
            let frame = try #require(other.frames.last)
            other.frames = []
            #expect("\(try VRRPToSupervisor(frame))" == "\(message)")
            #expect(throws: FrameError.self) { try SupervisorToVRRP(frame) }
            #expect(throws: FrameError.self) { try CheckerToSupervisor(frame) }
        }
    }
}

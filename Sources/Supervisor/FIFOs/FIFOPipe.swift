import Base
import CLinux
import Glibc
import LogOutput
import Logging
import Reactor
import Supervision

/// An open FIFO, until nobody refers to it any more.
final class FIFOFile {
    let identity: FIFOIdentity
    private let descriptor: Descriptor

    /// Nil for an open file that is no FIFO.
    init?(_ descriptor: consuming Descriptor) {
        guard let identity = FIFOIdentity(of: descriptor.number) else { return nil }
        self.identity = identity
        self.descriptor = descriptor
    }

    var number: Int32 { descriptor.number }
}

/// The lines that go into a FIFO. hasupd is a reader as a reader of its own: it neither ends nor fails when another one comes or goes.
final class FIFOPipe {
    /// Lines that wait at most. What comes beyond is lost, as in a pipe that is full.
    private static let waitingMax = 1 << 16
    /// Lines that leave in a turn at most (docs/decisions, D6).
    private static let burst = 1_000
    /// Time between two looks at a pipe that is full.
    private static let period = Interval.milliseconds(10)
    /// Time without room after which the lines that wait are given up.
    private static let patience = Interval.seconds(5)

    let path: String
    let file: FIFOFile
    private let loop: EventLoop
    private let log: Logger
    /// Lines that leave before any other: those for a new reader, and what has come since.
    private var waiting: ArraySlice<String> = []
    private var timer: Timer?
    private var stuckSince: Instant?
    private(set) var lost: UInt64 = 0
    /// Lines that were lost since the last one that wasn't.
    private var lostInARow: UInt64 = 0

    init(_ file: FIFOFile, path: String, on loop: EventLoop, log: Logger) {
        self.file = file
        self.path = path
        self.loop = loop
        self.log = log
        timer = loop.makeTimer { [weak self] in self?.flush() }
    }

    deinit { if let timer { loop.remove(timer) } }

    /// True while lines of ours wait outside of the pipe.
    var isBusy: Bool { !waiting.isEmpty }

    /// The number of bytes that nobody has read yet.
    var unread: Int {
        var count: Int32 = 0
        return ioctl(file.number, UInt(FIONREAD), &count) == 0 ? Int(count) : 0
    }

    /// A sentence about lines that are being lost; nil when none is.
    var problem: String? {
        lostInARow == 0
            ? nil
            : "The FIFO \(path) is full, because no program reads it: \(counted(Int(clamping: lost), "line")) lost."
    }

    /// Writes a line, by one write(2), behind those that wait.
    func write(_ line: String) {
        guard waiting.isEmpty else { return wait(for: [line]) }
        if !put(line) { lose(1) }
    }

    /// Writes lines that nobody may lose for want of room: a reader comes that reads them.
    func write(all lines: [String]) {
        guard !lines.isEmpty else { return }
        // The kernel gives as much as it allows an ordinary user.
        let size = lines.reduce(0) { $0 + $1.utf8.count }
        hasup_pipe_grow(file.number, Int32(clamping: size * 2))
        wait(for: lines)
        flush()
    }

    /// Reads what nobody has read, and forgets it with what waits.
    func drain() {
        waiting = []
        stuckSince = nil
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        for _ in 0..<64 {
            let count = read(file.number, &buffer, buffer.count)
            if count < buffer.count { break }
        }
    }

    private func wait(for lines: [String]) {
        let room = max(0, Self.waitingMax - waiting.count)
        waiting += lines.prefix(room)
        if lines.count > room { lose(UInt64(lines.count - room)) }
    }

    private func flush() {
        for _ in 0..<Self.burst {
            guard let line = waiting.first else { break }
            guard put(line) else { return wait() }
            waiting.removeFirst()
        }
        stuckSince = nil
        if waiting.isEmpty { waiting = [] } else if let timer { loop.set(timer, to: Clock.now) }
    }

    /// There is no room: its reader may take a moment.
    private func wait() {
        let since = stuckSince ?? Clock.now
        stuckSince = since
        if Clock.now - since >= Self.patience {
            let count = waiting.count
            waiting = []
            stuckSince = nil
            return lose(UInt64(count))
        }
        if let timer { loop.set(timer, to: Clock.now + Self.period) }
    }

    private func put(_ line: String) -> Bool {
        var line = line
        let written = line.withUTF8 { Glibc.write(file.number, $0.baseAddress, $0.count) }
        guard written > 0 else { return false }
        if lostInARow > 0 {
            log.notice("the FIFO \(path) takes lines again: \(counted(Int(clamping: lostInARow), "line")) lost")
            lostInARow = 0
        }
        return true
    }

    private func lose(_ count: UInt64) {
        if lostInARow == 0 {
            log.warning("a line for the FIFO \(path) is lost: it is full, because no program reads it")
        }
        lost += count
        lostInARow += count
    }
}

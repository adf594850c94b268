import Base
import ConfigurationModel
import Glibc
import Reactor
import Testing

@testable import Supervisor

@Suite("Tracked files (behaviours §8)", .serialized)
final class FileWatcherTests {
    private let loop: EventLoop
    private let folder: String
    private var results: [TrackerVerdict] = []
    private var lines: [String] = []
    private var watcher: FileWatcher?

    init() throws {
        loop = try EventLoop()
        var template = Array("/tmp/hasup-files-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        watcher = try FileWatcher(
            on: loop, onVerdict: { [unowned self] _, verdict in self.results.append(verdict) },
            log: { [unowned self] in self.lines.append($0) })
    }

    deinit { _ = run("rm -rf \(folder)") }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func run(_ command: String) -> Int32 { system(command) }

    /// What shell users do: truncates, writes, closes.
    private func write(_ text: String, to name: String) { #expect(run("printf %s '\(text)' > \(path(name))") == 0) }

    private func track(
        _ path: String, initial: Int? = nil, overwrites: Bool = false, known: TrackerResult = .none,
        isStart: Bool = true
    ) {
        var file = TrackFile(name: "f", path: path)
        file.initialValue = initial
        file.overwrites = overwrites
        watcher?.configure(
            [Tracked(number: 7, definition: file, verdict: TrackerVerdict(known))], isStart: isStart, mode: 0o640)
    }

    private var numbers: [Int32] {
        results.map { if case .number(let number) = $0.result { number } else { -99 } }
    }

    private func wait(for number: Int32) throws { try loop.turn { numbers.last == number } }

    /// Until everything that has happened so far is seen: a change of another file is told later.
    private func settle() throws {
        let before = results.count
        var isDone = false
        let timer = loop.makeTimer { isDone = true }
        loop.set(timer, to: Clock.now + .milliseconds(50))
        try loop.turn { isDone || results.count != before }
        loop.remove(timer)
    }

    @Test("the number at the beginning, and each one that is written")
    func writing() throws {
        write("5", to: "v")
        track(path("v"))
        try wait(for: 5)
        write("0x10 junk", to: "v")
        try wait(for: 16)
        write("abc", to: "v")
        try wait(for: 0)
        #expect(results.last?.detail == "it doesn't begin with a number")
        write("-3", to: "v")
        try wait(for: -3)
        #expect(lines.isEmpty)
    }

    @Test("a file that isn't there is 0 until it is made; removed, it is 0 again")
    func missing() throws {
        track(path("v"))
        try wait(for: 0)
        #expect(results.last?.detail == "No such file or directory")
        write("4", to: "v")
        try wait(for: 4)
        #expect(unlink(path("v")) == 0)
        try wait(for: 0)
    }

    @Test("truncation alone isn't acted on, closing is (behaviours_vrrp2 §3)")
    func truncation() throws {
        write("5", to: "v")
        track(path("v"))
        try wait(for: 5)
        let file = open(path("v"), O_WRONLY | O_TRUNC)
        try settle()
        #expect(numbers == [5])
        close(file)
        try wait(for: 0)
        #expect(results.last?.detail == "it is empty")
    }

    @Test("another file takes its name, and leaves it")
    func renaming() throws {
        write("5", to: "v")
        track(path("v"))
        try wait(for: 5)
        write("6", to: "other")
        #expect(rename(path("other"), path("v")) == 0)
        try wait(for: 6)
        #expect(rename(path("v"), path("other")) == 0)
        try wait(for: 0)
        write("7", to: "other")
        #expect(link(path("other"), path("v")) == 0)
        try wait(for: 7)
        // By its other name.
        write("8", to: "other")
        try wait(for: 8)
    }

    @Test("its folder goes and comes back, and one above it does")
    func folders() throws {
        #expect(run("mkdir -p \(path("a/b"))") == 0)
        write("5", to: "a/b/v")
        track(path("a/b/v"))
        try wait(for: 5)
        #expect(run("rm -r \(path("a/b"))") == 0)
        try wait(for: 0)
        #expect(run("mkdir \(path("a/b"))") == 0)
        write("6", to: "a/b/v")
        try wait(for: 6)
        #expect(rename(path("a"), path("c")) == 0)
        try wait(for: 0)
        write("7", to: "c/b/v")
        try settle()
        #expect(rename(path("c"), path("a")) == 0)
        try wait(for: 7)
    }

    @Test("symbolic links: what they lead to changes, they are swapped, one of a folder is")
    func links() throws {
        #expect(run("mkdir \(path("1")) \(path("2"))") == 0)
        write("5", to: "1/t")
        write("6", to: "2/t")
        #expect(symlink("1", path("current")) == 0)
        #expect(symlink("current/t", path("v")) == 0)
        track(path("v"))
        try wait(for: 5)
        write("15", to: "1/t")
        try wait(for: 15)
        #expect(run("ln -s 2 \(path("next")) && mv -T \(path("next")) \(path("current"))") == 0)
        try wait(for: 6)
        write("16", to: "2/t")
        try wait(for: 16)
        // What the link doesn't lead to any more.
        write("17", to: "1/t")
        try settle()
        #expect(numbers == [5, 15, 6, 16])
        #expect(run("ln -sfn \(path("1/t")) \(path("v"))") == 0)
        try wait(for: 17)
        #expect(run("ln -sfn v \(path("v"))") == 0)
        try wait(for: 0)
    }

    @Test("what isn't a file counts as 0", arguments: ["mkdir", "mkfifo"])
    func otherKinds(_ command: String) throws {
        write("5", to: "v")
        track(path("v"))
        try wait(for: 5)
        #expect(unlink(path("v")) == 0)
        try wait(for: 0)
        #expect(run("\(command) \(path("v"))") == 0)
        try settle()
        #expect(numbers == [5, 0])
        #expect(run("rm -r \(path("v"))") == 0)
        write("6", to: "v")
        try wait(for: 6)
    }

    @Test("a file of 1 GB costs what a small one does")
    func large() throws {
        #expect(run("printf 9 > \(path("v")) && truncate -s 1G \(path("v"))") == 0)
        track(path("v"))
        try wait(for: 9)
    }

    @Test(
        "init_file makes what isn't there before the first result, and with overwrite writes what is, at the start only"
    )
    func initialFile() throws {
        track(path("v"), initial: 5)
        try wait(for: 5)
        #expect(numbers == [5])

        results = []
        write("1", to: "w")
        track(path("w"), initial: 5)
        try wait(for: 1)
        track(path("x"), initial: 5, overwrites: true)
        try wait(for: 5)

        results = []
        write("2", to: "y")
        track(path("y"), initial: 6, overwrites: true)
        try wait(for: 6)
        #expect(numbers == [6])
        write("3", to: "z")
        track(path("z"), initial: 7, overwrites: true, isStart: false)
        try wait(for: 3)
        // What is known was written before.
        write("4", to: "k")
        track(path("k"), initial: 8, overwrites: true, known: .number(1))
        try wait(for: 4)
        #expect(lines.isEmpty)
        var status = stat()
        #expect(stat(path("v"), &status) == 0 && status.st_mode & 0o777 == 0o640)
    }

    @Test("init_file doesn't write through another name of a file, nor into a folder that isn't there")
    func refusedInitialFile() throws {
        write("1", to: "secret")
        #expect(link(path("secret"), path("v")) == 0)
        track(path("v"), initial: 5, overwrites: true)
        try wait(for: 1)
        #expect(lines == ["file f (\(path("v"))): init_file can't write it: Too many links"])
        track(path("none/v"), initial: 5)
        try wait(for: 0)
        #expect(lines.last == "file f (\(path("none/v"))): init_file can't write it: No such file or directory")
        // A link that leads nowhere yet is the operator's.
        #expect(symlink(path("target"), path("l")) == 0)
        track(path("l"), initial: 5)
        try wait(for: 5)
    }

    @Test("a file of the kernel, which tells of no change, is read again and again, and that is told once")
    func kernelFile() throws {
        track("/proc/self/oom_score_adj")
        try loop.turn { !results.isEmpty && !lines.isEmpty }
        track("/proc/uptime")
        try loop.turn { Set(numbers).count > 3 }
        #expect(lines.count == 2)
        #expect(
            lines.last
                == "file f (/proc/uptime): changes aren't reported (its file system doesn't report them); it is read each second"
        )
    }

    @Test("files that aren't tracked any more leave no watch behind")
    func watches() throws {
        for index in 0..<3 {
            #expect(run("mkdir \(path("d\(index)"))") == 0)
            write("\(index + 1)", to: "d\(index)/v")
            track(path("d\(index)/v"))
            try wait(for: Int32(index + 1))
        }
        func isWatched(_ name: String) -> Bool {
            var status = stat()
            stat(path(name), &status)
            let inode = String(status.st_ino, radix: 16)
            return run("grep -q '^inotify .* ino:\(inode) ' /proc/\(getpid())/fdinfo/*") == 0
        }
        #expect(!isWatched("d0") && !isWatched("d1") && isWatched("d2") && isWatched("d2/v"))
        watcher?.configure([], isStart: false, mode: 0)
        #expect(!isWatched("d2") && !isWatched("d2/v"))
    }

    /// Children of this process that are called so.
    private var helpers: [Int32] {
        guard let output = popen("pgrep -x -P \(getpid()) hasup-files", "r") else { return [] }
        defer { pclose(output) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, output)], as: UTF8.self)
        return text.split(separator: "\n").compactMap { Int32($0) }
    }

    @Test("a helper that dies is replaced, and nothing changes")
    func deadHelper() throws {
        // Those of other tests have nobody who would reap them.
        let others = Set(helpers)
        write("5", to: "v")
        track(path("v"))
        try wait(for: 5)
        let helper = try #require(helpers.first { !others.contains($0) })
        #expect(helpers.count == others.count + 1)
        #expect(kill(helper, SIGKILL) == 0)
        try loop.turn { !helpers.contains(helper) }
        write("6", to: "v")
        try wait(for: 6)
        #expect(numbers == [5, 6])
        #expect(lines.isEmpty, "it had nothing to do")
        // One that hangs keeps nobody waiting.
        let next = try #require(helpers.first { !others.contains($0) })
        #expect(kill(next, SIGSTOP) == 0)
        write("7", to: "v")
        track(path("w"))
        try wait(for: 0)
        #expect(kill(next, SIGCONT) == 0)
    }
}

@Suite struct TrackSealTests {
    @Test func wordsComeBack() {
        let formers = [ProcessIdentity(pid: 7, startTicks: 99), ProcessIdentity(pid: 8, startTicks: .max)]
        for seal in [
            TrackSeal(folders: [], formers: []), TrackSeal(folders: ["/run/a b", "/"], formers: []),
            TrackSeal(folders: ["/run"], formers: formers), TrackSeal(folders: [], formers: formers),
        ] {
            #expect(TrackSeal(words: seal.words) == seal)
        }
    }

    @Test(arguments: [
        [], ["sealed"], ["other", "0"], ["sealed", "-1"], ["sealed", "1"], ["sealed", "1", "7"],
        ["sealed", "1", "1", "5"],
        ["sealed", "1", "x", "5"], ["sealed", "1", "7", "-5"],
    ])
    func otherWords(_ words: [String]) { #expect(TrackSeal(words: words) == nil) }
}

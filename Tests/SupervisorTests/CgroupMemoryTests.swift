import Base
import Glibc
import Testing

@testable import Supervisor

@Suite struct CgroupMemoryTests {
    private let now = Instant(nanoseconds: 5_000_000_000)

    /// A folder that stands for /proc/self and /sys/fs/cgroup.
    private func folder(_ files: [String: String]) -> String {
        var name = Array("/tmp/hasup-cgroup-XXXXXX".utf8CString)
        mkdtemp(&name)
        let folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for path in ["memory", "memory/a", "a"] { mkdir("\(folder)/\(path)", 0o700) }
        for (file, text) in files { write(text, to: "\(folder)/\(file)") }
        return folder
    }

    private func write(_ text: String, to path: String) {
        let file = fopen(path, "w")
        #expect(file != nil)
        if let file {
            fputs(text, file)
            fclose(file)
        }
    }

    private func remove(_ folder: String) {
        for path in ["cgroup", "memory/a/memory.oom_control", "a/memory.events"] { unlink("\(folder)/\(path)") }
        for path in ["/memory/a", "/memory", "/a", ""] { rmdir(folder + path) }
    }

    @Test(arguments: [
        ("4:memory:/a\n0::/a\n", "memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill "),
        ("0::/a\n", "a/memory.events", "low 0\nmax 12\noom 3\noom_kill "),
    ])
    func whatTheKernelEndedIsTold(_ cgroups: String, _ file: String, _ text: String) {
        let folder = folder(["cgroup": cgroups, file: text + "2\n"])
        defer { remove(folder) }
        var memory = CgroupMemory(process: folder, root: folder)
        let isNew = memory.look(at: now)
        #expect(!isNew, "what was before its start is nothing of its")
        #expect(memory.problem(at: now) == nil)
        write(text + "3\n", to: "\(folder)/\(file)")
        let isFirst = memory.look(at: now)
        #expect(isFirst)
        #expect(memory.problem(at: now)?.contains("ended a process") == true)
        write(text + "5\n", to: "\(folder)/\(file)")
        let isSecond = memory.look(at: now + .seconds(1))
        #expect(isSecond)
        #expect(memory.problem(at: now + .seconds(1))?.contains("ended 3 processes") == true)
        let later = now + .seconds(1) + CgroupMemory.memory
        #expect(memory.problem(at: later) == nil)
        write(text + "6\n", to: "\(folder)/\(file)")
        let isThird = memory.look(at: later)
        #expect(isThird)
        #expect(memory.problem(at: later)?.contains("ended a process") == true)
    }

    @Test func whereThereIsNoCounterNothingIsTold() {
        let folder = folder(["cgroup": "0::/b\nnonsense\n"])
        defer { remove(folder) }
        var memory = CgroupMemory(process: folder, root: folder)
        let isNew = memory.look(at: now)
        #expect(!isNew)
        #expect(memory.problem(at: now) == nil)
    }
}

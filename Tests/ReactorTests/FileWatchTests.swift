import Base
import Glibc
import Testing

@testable import Reactor

@Suite struct FileWatchTests {
    private static func folder() -> String {
        var name = Array("/tmp/hasup-watch.XXXXXX".utf8CString)
        return mkdtemp(&name).map { String(cString: $0) } ?? ""
    }

    private static func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    /// One turn, which a timer ends when nothing comes.
    private static func turn(_ loop: EventLoop) throws {
        let timer = loop.makeTimer {}
        loop.set(timer, to: Clock.now + .milliseconds(200))
        try loop.turn()
        loop.remove(timer)
    }

    @Test func changesOfTheFileAreToldAndThoseOfOthersAreNot() throws {
        let folder = Self.folder()
        defer { rmdir(folder) }
        let loop = try EventLoop()
        var seen: [FileChange] = []
        let watch = try FileWatch(path: "\(folder)/time", on: loop) { seen.append($0) }
        Self.write("x", to: "\(folder)/other")
        try Self.turn(loop)
        #expect(seen == [])
        Self.write("12:00:00", to: "\(folder)/time")
        try Self.turn(loop)
        #expect(seen == [.file])
        rename("\(folder)/other", "\(folder)/time")
        try Self.turn(loop)
        #expect(seen == [.file, .file])
        unlink("\(folder)/time")
        try Self.turn(loop)
        #expect(seen == [.file, .file, .file])
        rmdir(folder)
        try Self.turn(loop)
        #expect(seen.last == .folderGone)
        withExtendedLifetime(watch) {}
    }

    @Test func aFolderThatIsNotThereIsAnError() throws {
        let loop = try EventLoop()
        #expect(throws: SystemError.self) { _ = try FileWatch(path: "/nonexistent/time", on: loop) { _ in } }
    }
}

import Base
import CLinux
import Glibc
import Reactor
import Testing
import WorkerProtocol

@testable import Supervisor

/// systemd's side: a socket in a folder of its own.
private final class Listener {
    let path: String
    private let folder: String
    private let socket: Descriptor

    init() throws {
        var template = Array("/tmp/hasup-store-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        path = folder + "/notify"
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        socket = try owned(number < 0 ? -errno : number, "open a socket")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try checked(result < 0 ? -errno : 0, "bind a socket")
    }

    deinit {
        unlink(path)
        rmdir(folder)
    }

    /// What was told since the last call: "+name" for what is stored, "-name" for what is removed.
    func told() -> [String] {
        var found: [String] = []
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while true {
            let size = recv(socket.number, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            guard size >= 0 else { return found }
            let lines = String(decoding: bytes.prefix(size), as: UTF8.self).split(separator: "\n")
            let name = lines.first { $0.hasPrefix("FDNAME=") }?.dropFirst(7) ?? "?"
            if lines.contains("FDSTORE=1") { found.append("+\(name)") }
            if lines.contains("FDSTOREREMOVE=1") { found.append("-\(name)") }
        }
    }
}

@Suite("What systemd's descriptor store is told (D10)")
struct DescriptorStoreTests {
    private let listener: Listener
    private let store: DescriptorStore

    init() throws {
        listener = try Listener()
        store = DescriptorStore(SystemdNotify(path: listener.path))
    }

    private func image() throws -> ConfigurationImage {
        try ConfigurationImage(
            ConfigurationImage.make(
                canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [], model: []))
    }

    /// Keeps three of a kind, one after the other.
    private func replaced(_ keep: () throws -> Void) throws -> [String] {
        try (0..<3).flatMap { _ in
            try keep()
            return listener.told()
        }
    }

    @Test("what replaces something is stored before that is removed: no moment is without one")
    func order() throws {
        let expected = ["+", "+-1", "-", "+-2", "--1"]
        func expect(_ told: [String], _ kind: String) {
            #expect(told == expected.map { "\($0.prefix(1))\(kind)\($0.dropFirst())" })
        }
        expect(try replaced { store.keep(try StatePage.create()) }, "hasup-state")
        expect(try replaced { store.keep(try image()) }, "hasup-configuration")
        expect(try replaced { store.keep(notifications: try StatePage.create()) }, "hasup-notifications")
        expect(try replaced { store.keep(trackers: try StatePage.create()) }, "hasup-trackers")
        store.clear()
        let all = ["-hasup-state-2", "-hasup-configuration-2", "-hasup-notifications-2", "-hasup-trackers-2"]
        #expect(Set(listener.told()) == Set(all))
    }

    @Test("what can't be stored removes nothing, and is tried again")
    func failure() throws {
        store.keep(try StatePage.create())
        #expect(listener.told() == ["+hasup-state"])
        let elsewhere = listener.path + "-"
        rename(listener.path, elsewhere)
        store.keep(try StatePage.create())
        rename(elsewhere, listener.path)
        #expect(listener.told().isEmpty)
        store.keep(try StatePage.create())
        #expect(listener.told() == ["+hasup-state-1", "-hasup-state"])
    }

    @Test("the address page is made once, and again when nobody could read it any more")
    func addresses() throws {
        let first = try store.keepAddresses()
        #expect(first.isNew)
        #expect(listener.told() == ["+hasup-addresses"])
        let second = try store.keepAddresses()
        #expect(!second.isNew && second.file === first.file)
        #expect(listener.told().isEmpty, "it is stored already")
        #expect(store.stored.map(\.name) == ["hasup-addresses"])
        #expect(store.stored.map(\.number) == [first.file.number])
        // A new state page, for a worker to which the old one isn't given, doesn't replace it.
        store.keep(try StatePage.create())
        #expect(try store.keepAddresses().file === first.file)
        #expect(listener.told() == ["+hasup-state"])

        var word: Int64 = 0
        #expect(pwrite(first.file.number, &word, 8, 0) == 8)
        let third = try store.keepAddresses()
        #expect(third.isNew && third.file.isReadable)
        #expect(listener.told() == ["+hasup-addresses-1", "-hasup-addresses"])
        #expect(store.stored.map(\.name) == ["hasup-state", "hasup-addresses-1"])
        store.clear()
        #expect(Set(listener.told()) == ["-hasup-state", "-hasup-addresses-1"])
    }
}

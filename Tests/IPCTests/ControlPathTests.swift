import Glibc
import IPC
import Testing

@Suite struct ControlPathTests {
    @Test func oneRule() throws {
        #expect(try ControlPath.socket() == "/run/hasup/control.sock")
        #expect(try ControlPath.socket(explicit: "/a/b", instance: "x") == "/a/b")
        #expect(try ControlPath.socket(instance: "x") == "/run/hasup/x/control.sock")
        #expect(try ControlPath.socket(runDirectory: "/tmp/r/", instance: "x") == "/tmp/r/x/control.sock")
        #expect(try ControlPath.socket(namespace: "blue") == "/run/hasup/netns-blue/control.sock")
        #expect(try ControlPath.socket(instance: "x", namespace: "blue") == "/run/hasup/netns-blue/x/control.sock")
        #expect(try ControlPath.socket(runDirectory: "/tmp/r", namespace: "blue") == "/tmp/r/control.sock")
    }

    @Test(arguments: ["", "a/b", ".", "..", ".hidden", "netns-blue"])
    func refusesNamesThatArentOne(_ name: String) {
        #expect(throws: ControlPath.Failure.self) { try ControlPath.socket(instance: name) }
    }

    @Test func refusesWhatDoesntFitAnAddress() throws {
        let longest = "/" + String(repeating: "a", count: ControlPath.lengthMax - 1)
        #expect(try ControlPath.socket(explicit: longest) == longest)
        #expect(throws: ControlPath.Failure.self) { try ControlPath.socket(explicit: longest + "a") }
    }

    @Test func aNamespaceIsFoundByItsFile() throws {
        // Ordinary files stand in for namespaces: what counts is that two paths lead to one file.
        let directory = try TemporaryDirectory()
        for name in ["own", "initial"] { try directory.write(name) }
        #expect(mkdir("\(directory.path)/names", 0o700) == 0)
        #expect(link("\(directory.path)/initial", "\(directory.path)/names/host") == 0)
        func current(_ process: String) -> String? {
            ControlPath.currentNamespace(
                ofProcess: "\(directory.path)/\(process)", initial: "\(directory.path)/initial",
                among: "\(directory.path)/names")
        }
        #expect(current("own") == nil)
        #expect(link("\(directory.path)/own", "\(directory.path)/names/red") == 0)
        #expect(link("\(directory.path)/own", "\(directory.path)/names/blue") == 0)
        #expect(current("own") == "blue")
        #expect(current("initial") == nil)
        #expect(current("missing") == nil)
    }
}

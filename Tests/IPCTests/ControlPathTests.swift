import Control
import Glibc
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

    /// Processes whose files stand for namespaces: what counts is that two paths lead to one file.
    private func processes(_ namespaces: [String: String], in folder: TemporaryDirectory) throws {
        for name in Set(namespaces.values) { for kind in ["ns", "dev"] { try folder.write("\(kind)-\(name)") } }
        for (process, namespace) in namespaces {
            for path in [process, "\(process)/ns", "\(process)/net"] { mkdir("\(folder.path)/\(path)", 0o700) }
            #expect(link("\(folder.path)/ns-\(namespace)", "\(folder.path)/\(process)/ns/net") == 0)
            #expect(link("\(folder.path)/dev-\(namespace)", "\(folder.path)/\(process)/net/dev") == 0)
        }
    }

    @Test func aNamespaceIsFoundByItsFile() throws {
        let folder = try TemporaryDirectory()
        try processes(["own": "red", "first": "host", "beside": "host"], in: folder)
        #expect(mkdir("\(folder.path)/names", 0o700) == 0)
        func current(_ process: String) -> String? {
            ControlPath.currentNamespace(
                ofProcess: "\(folder.path)/\(process)", initial: "\(folder.path)/first",
                among: "\(folder.path)/names")
        }
        var status = stat()
        #expect(stat("\(folder.path)/own/ns/net", &status) == 0)
        #expect(current("own") == "\(status.st_ino)", "it has no name")
        for (name, file) in [("red", "red"), ("blue", "red"), ("a", "host")] {
            #expect(link("\(folder.path)/ns-\(file)", "\(folder.path)/names/\(name)") == 0)
        }
        #expect(current("own") == "blue")
        #expect(current("beside") == nil, "the initial one is that, whatever it is called")
        #expect(current("missing") == nil)
    }

    @Test func anInitialNamespaceThatIsHiddenIsNoReasonForANumber() throws {
        let folder = try TemporaryDirectory()
        try processes(["own": "red"], in: folder)
        func current() -> String? {
            ControlPath.currentNamespace(
                ofProcess: "\(folder.path)/own", initial: "\(folder.path)/first", among: "\(folder.path)/names")
        }
        #expect(current() == nil)
        #expect(mkdir("\(folder.path)/names", 0o700) == 0)
        #expect(link("\(folder.path)/ns-red", "\(folder.path)/names/red") == 0)
        #expect(current() == "red")
    }
}

import Testing

@testable import Supervisor

@Suite("Descriptors that were passed (sd_listen_fds)")
struct ListenDescriptorsTests {
    private func parse(_ pid: String?, _ count: String?, _ names: String?) -> [String] {
        ListenDescriptors.parse(pid: pid, count: count, names: names, ownPID: 42).map { "\($0.number) \($0.name)" }
    }

    @Test("each has its number and its name")
    func names() {
        #expect(parse("42", "2", "hasup-state:hasup-configuration") == ["3 hasup-state", "4 hasup-configuration"])
        #expect(parse("42", "3", "a:") == ["3 a", "4 unknown", "5 unknown"])
        #expect(parse("42", "1", "a:b:c") == ["3 a"])
        #expect(parse("42", "1", nil) == ["3 unknown"])
    }

    @Test("what is meant for another process, or isn't a number, is nothing")
    func nothing() {
        #expect(parse("41", "2", "a:b").isEmpty)
        #expect(parse(nil, "2", "a:b").isEmpty)
        #expect(parse("42", nil, "a:b").isEmpty)
        for count in ["", "0", "-1", "x", "257", "99999999999999999999"] { #expect(parse("42", count, "a").isEmpty) }
    }
}

import Base
import Configuration
import ConfigurationModel
import Sandbox
import Testing

@testable import Supervisor

@Suite struct SaveOrderTests {
    @Test func wordsSurviveTheWay() {
        var order = SaveOrder(seal: SandboxArguments(identity: Identity(uid: 5, gid: 6), realtimePriority: nil))
        #expect(order.isEmpty)
        #expect(SaveOrder(words: order.words) == order)
        order.mark = "/run/x.reload"
        order.folder = "/var/saved"
        order.copies = [
            SaveOrder.name(of: "20261126T120000Z", generation: 7),
            SaveOrder.name(of: "20261126T120001Z", generation: nil),
        ]
        order.log = "/var/log/reload"
        order.verdict = "refused: a b"
        order.hasFindings = true
        #expect(!order.isEmpty)
        #expect(SaveOrder(words: order.words) == order)
        #expect(SaveOrder(words: order.words.dropLast()) == nil)
    }

    @Test func onlyOurNamesAreOurs() {
        for name in ["hasup-20261126T120000Z-7.conf", "hasup-20261126T120000Z-refused.conf"] {
            #expect(SaveOrder.isName(name))
        }
        for name in [
            "keepalived.conf", "hasup-20261126T120000Z-x.conf", "hasup-2026-7.conf", "hasup-20261126T120000Z-7", "../x",
            "hasup-../../../../../x-7.conf", "hasup-20261126T120000Z-7/.conf", "",
        ] { #expect(!SaveOrder.isName(name), "\(name)") }
        var words = SaveOrder(seal: SandboxArguments(identity: nil, realtimePriority: nil)).words
        words[SandboxArguments.wordCount + 2] = "../passwd"
        #expect(SaveOrder(words: words) == nil)
    }

    @Test func theFoldersThatASandboxMustAllow() {
        var global = GlobalSettings()
        #expect(ReloadPaths(global).writableFolders.isEmpty)
        global.reports.reloadTimeFile = "/etc/ha/time"
        global.reports.reloadFile = ""
        global.reports.reloadLog = "/var/log/reload"
        global.reports.saveDirectory = "/var/lib/ha"
        #expect(ReloadPaths(global).writableFolders == ["/etc/ha", "/run", "/var/log", "/var/lib/ha", "/var/lib"])
        #expect(ReloadPaths(global).mark == "/run/keepalived.reload")
        global.daemon.usesPIDDirectory = true
        global.daemon.instance = "b"
        #expect(ReloadPaths(global).mark == "/run/keepalived/keepalived_b.reload")
        global.reports.reloadLog = "/dev/null"
        #expect(ReloadPaths(global).log == nil)
    }
}

import Base
import ConfigurationModel
import Control
import Glibc
import Supervision
import Testing
import VRRP

@testable import Supervisor

@Suite("Commands of operators (F3)")
struct OrderDecisionTests {
    private static let subject = NotificationKey(.instance, "A")

    private static func status(_ state: RouterState, master: UInt8? = nil) -> InstanceStatus {
        var status = InstanceStatus(priority: .standard, advertInterval: .seconds(1))
        status.state = state
        status.masterPriority = master.map { Priority(rawValue: $0) }
        status.master = master.map { _ in IPAddress(v4: 0x0a00_0002) }
        return status
    }

    private static func entry(_ kind: OperatorOrder.Kind?) -> OrderTable.Entry? {
        kind.map { OrderTable.Entry(OperatorOrder($0, subject, number: 3), uid: 1_000, wallNanoseconds: 0) }
    }

    private static func decide(
        _ command: OrderCommand, _ kind: OperatorOrder.Kind? = nil, _ statuses: InstanceStatus...
    ) -> OrderDecision {
        OrderDecision(command, for: subject, entry(kind), statuses.map { ("A", $0) })
    }

    private static func answers(_ decision: OrderDecision, ok wanted: Bool) -> Bool {
        if case .answer(let ok, _) = decision { ok == wanted } else { false }
    }

    @Test("resign gives an order, whatever the state; in maintenance there is nothing to resign")
    func resign() {
        for state in RouterState.allCases {
            #expect(Self.decide(.resign, nil, Self.status(state)) == .give(.resigned))
            #expect(Self.decide(.resign, .raised, Self.status(state)) == .give(.resigned))
        }
        #expect(Self.answers(Self.decide(.resign, .maintenance, Self.status(.backup)), ok: false))
    }

    @Test("takeover is refused where it can't succeed")
    func takeover() {
        #expect(Self.decide(.takeover, nil, Self.status(.backup, master: 253)) == .give(.raised))
        #expect(Self.decide(.takeover, nil, Self.status(.backup)) == .give(.raised))
        for priority in [254, 255] as [UInt8] {
            #expect(Self.answers(Self.decide(.takeover, nil, Self.status(.backup, master: priority)), ok: false))
        }
        #expect(Self.answers(Self.decide(.takeover, nil, Self.status(.fault)), ok: false))
        #expect(Self.answers(Self.decide(.takeover, nil, Self.status(.initialize)), ok: false))
        #expect(Self.answers(Self.decide(.takeover, .maintenance, Self.status(.backup)), ok: false))
        #expect(Self.answers(Self.decide(.takeover, nil, Self.status(.master)), ok: true))
        // It may be about to hand over.
        #expect(Self.decide(.takeover, .resigned, Self.status(.master)) == .give(.raised))
        // Of a group each member counts.
        let members = (Self.status(.backup, master: 100), Self.status(.backup, master: 254))
        #expect(Self.answers(Self.decide(.takeover, nil, members.0, members.1), ok: false))
    }

    @Test("maintenance is begun and ended once")
    func maintenance() {
        #expect(Self.decide(.maintenance(on: true), .resigned, Self.status(.backup)) == .give(.maintenance))
        #expect(Self.answers(Self.decide(.maintenance(on: true), .maintenance, Self.status(.backup)), ok: true))
        #expect(Self.decide(.maintenance(on: false), .maintenance, Self.status(.backup)) == .end)
        for kind in [nil, OperatorOrder.Kind.resigned, .raised] {
            #expect(Self.answers(Self.decide(.maintenance(on: false), kind, Self.status(.backup)), ok: true))
        }
    }

    @Test("the words of outcomes")
    func texts() {
        let order = OperatorOrder(.resigned, Self.subject, number: 1)
        let address = IPAddress(v4: 0x0a00_0002)
        #expect(
            OrderOutcome.handedOver(address).text(of: order, after: .milliseconds(612), failure: nil)
                == "10.0.0.2 is MASTER after 612 ms")
        #expect(
            OrderOutcome.nobodyTookOver.text(of: order, after: .zero, failure: nil)
                == "nobody took over; MASTER again")
        #expect(
            OrderOutcome.refused.text(of: order, after: .zero, failure: "x ended with exit status 1: no")
                == "before_release refused: x ended with exit status 1: no; still MASTER")
        #expect(
            OrderOutcome.lostMastership.text(of: order, after: .zero, failure: "x ended with exit status 3")
                == "before_master failed: x ended with exit status 3; its raised priority has ended")
        #expect(
            OrderOutcome.becameMaster.text(of: order, after: .milliseconds(12_345), failure: nil)
                == "MASTER after 12.3 s")
        #expect(Self.entry(.maintenance)?.text == "in maintenance by uid 1000; ends by `hasup maintenance off A`")
    }
}

@Suite("What the next hasupd finds of orders and hooks")
struct BootFileTests {
    private let directory: String

    init() throws {
        var template = Array("/tmp/hasup-boot-XXXXXX".utf8CString)
        directory = String(cString: try #require(mkdtemp(&template)))
    }

    private static var table: OrderTable {
        var table = OrderTable()
        _ = table.give(
            .raised, to: NotificationKey(.group, "G"), of: ["X", "Y"], by: 7, wallNanoseconds: 12,
            given: Instant(nanoseconds: 90), until: Instant(nanoseconds: 99))
        _ = table.give(
            .maintenance, to: NotificationKey(.instance, "Ä \"B\""), by: 0, wallNanoseconds: 13,
            given: Instant(nanoseconds: 91))
        return table
    }

    private func file() -> BootFile<OrderFile> { BootFile("orders", in: directory, form: OrderFile.formatVersion) }

    @Test("orders are what they were")
    func orders() throws {
        #expect(try file().read() == nil, "there is none yet")
        file().write(OrderFile(Self.table))
        let found = try #require(try file().read()?.table)
        #expect(found == Self.table)
    }

    @Test("a file of another boot isn't read, one of another form is an error")
    func others() throws {
        let path = "\(directory)/orders"
        func write(_ text: String) {
            let number = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            _ = Glibc.write(number, text, text.utf8.count)
            close(number)
        }
        write("{\"form\":1,\"boot\":\"another\",\"content\":{\"orders\":[{\"order\":\"maintenance\"}]}}")
        #expect(try file().read() == nil)
        for text in ["{", "[]", "7", "{\"form\":2,\"boot\":\"\(FileReader.bootID)\"}"] {
            write(text)
            #expect(throws: BootFile<OrderFile>.UnreadableFile.self, "\(text)") { try file().read() }
        }
        write(
            "{\"form\":1,\"boot\":\"\(FileReader.bootID)\",\"content\":{\"orders\":[{\"order\":\"sleep\",\"name\":\"A\"}]}}"
        )
        #expect(try file().read()?.table == nil)
    }

    @Test("a file that can't be written is told, and written when it can be")
    func failure() {
        let file = BootFile<OrderFile>("orders", in: "\(directory)/missing", form: 1)
        file.write(OrderFile(Self.table))
        #expect(file.failure != nil)
        mkdir("\(directory)/missing", 0o700)
        file.restore()
        #expect(file.failure == nil)
    }

    @Test("hooks that run are found by hook, kind and name")
    func hooks() throws {
        let file = BootFile<HookFile>("hooks", in: directory, form: HookFile.formatVersion)
        var content = HookFile()
        let key = HookKey(.beforeRelease, of: NotificationKey(.group, "G"))
        content.running = [HookFile.KeptHook(key, pid: 77, startTicks: 12)]
        file.write(content)
        let again = BootFile<HookFile>("hooks", in: directory, form: HookFile.formatVersion)
        #expect(try again.read()?.running.map(\.key) == [key])
        #expect(try again.read()?.running == content.running)
    }
}

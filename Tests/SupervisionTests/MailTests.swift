import Base
import ConfigurationModel
import Testing

@testable import Supervision

/// Mails on transitions: keepalived's subjects, texts and headers (behaviours §6, behaviours_vrrp2 §6), and the queue.
@Suite struct MailTests {
    private static let origin = Mail.Origin(host: "lb1", user: "root")
    private static let moment: Int64 = 1_796_050_486

    private static func global(_ change: (inout GlobalSettings) -> Void = { _ in }) -> GlobalSettings {
        var global = GlobalSettings()
        global.routerID = "lab"
        global.mail.relay = "10.0.0.25"
        global.mail.sender = "keepalived@example.org"
        global.mail.recipients = ["ops@example.org", "Night Desk <night@example.org>"]
        change(&global)
        return global
    }

    private static func mail(
        _ trigger: NotifyTrigger, _ kind: NotificationKey.Kind = .instance,
        _ change: (inout GlobalSettings) -> Void = { _ in }
    ) -> Mail? {
        Mail(on: trigger, of: NotificationKey(kind, "V1"), global(change), origin, at: moment)
    }

    @Test func text() throws {
        let mail = try #require(Self.mail(.master))
        #expect(mail.sender == "keepalived@example.org")
        #expect(mail.recipients == ["ops@example.org", "night@example.org"])
        #expect(
            mail.text.replacingLineEnds == """
                Date: Mon, 30 Nov 2026 14:54:46 +0000
                From: keepalived@example.org
                Subject: [lab] VRRP Instance V1 - Entering MASTER state
                X-Mailer: Keepalived
                To: ops@example.org,
                 Night Desk <night@example.org>

                => VRRP Instance is now owning VRRP VIPs <=


                """)
    }

    @Test(
        arguments: [
            (
                .backup, .instance, "VRRP Instance V1 - Entering BACKUP state",
                "=> VRRP Instance is no longer owning VRRP VIPs <="
            ),
            (
                .fault, .instance, "VRRP Instance V1 - Entering FAULT state",
                "=> VRRP Instance is no longer owning VRRP VIPs <="
            ),
            (.stop, .instance, "VRRP Instance V1 - Stopping", "=> VRRP Instance is no longer owning VRRP VIPs <="),
            (.deleted, .instance, "VRRP Instance V1 - Deleted", "=> VRRP Instance is no longer owning VRRP VIPs <="),
            (
                .master, .group, "VRRP Group V1 - Entering MASTER state",
                "=> All VRRP group instances are now in MASTER state <="
            ),
            (
                .backup, .group, "VRRP Group V1 - Entering BACKUP state",
                "=> All VRRP group instances are now in BACKUP state <="
            ),
            (
                .fault, .group, "VRRP Group V1 - Entering FAULT state",
                "=> All VRRP group instances are now in FAULT state <="
            ),
        ] as [(NotifyTrigger, NotificationKey.Kind, String, String)])
    func subjects(trigger: NotifyTrigger, kind: NotificationKey.Kind, subject: String, body: String) throws {
        let lines = try #require(Self.mail(trigger, kind)).text.replacingLineEnds.split(separator: "\n")
        #expect(lines.contains("Subject: [lab] \(subject)"))
        #expect(lines.last.map(String.init) == body)
    }

    @Test func whatIsNotMailed() {
        #expect(Self.mail(.any) == nil && Self.mail(.receivedLowerPriority) == nil)
        #expect(Self.mail(.fault) { $0.mail.omitsFaults = true } == nil)
        #expect(Self.mail(.backup) { $0.mail.omitsFaults = true } != nil)
        #expect(Self.mail(.master) { $0.mail.relay = nil } == nil)
        #expect(Self.mail(.master) { $0.mail.recipients = [] } == nil)
    }

    @Test func whatTheConfigurationLeavesOpen() throws {
        let mail = try #require(
            Self.mail(.master) {
                $0.routerID = nil
                $0.mail.sender = nil
            })
        #expect(mail.sender == "root@lb1")
        #expect(mail.text.contains("\r\nFrom: root@lb1\r\n") && mail.text.contains("\r\nSubject: [lb1] VRRP"))
    }

    /// A text of the configuration adds neither a header nor a command.
    @Test func textsStayInTheirLine() throws {
        let mail = try #require(
            Self.mail(.master) {
                $0.routerID = "x\r\nBcc: evil@example.org"
                $0.mail.recipients = ["a@b>\r\nRCPT TO:<evil@example.org", "<c@d\r\n>"]
            })
        #expect(!mail.text.contains("\r\nBcc:") && !mail.text.contains("\r\nRCPT"))
        #expect(mail.recipients.allSatisfy { !$0.utf8.contains(0x0d) && !$0.utf8.contains(0x0a) })
    }

    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 +0000"), (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"), (-5, "Thu, 01 Jan 1970 00:00:00 +0000"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) { #expect(Mail.date(seconds) == text) }

    // MARK: The queue

    private static let key = NotificationKey(.instance, "V1")
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private static func numbered(_ number: Int) throws -> Mail {
        try #require(mail(.master) { $0.routerID = "\(number)" })
    }

    @Test func oneAfterTheOther() throws {
        var queue = MailQueue()
        #expect(queue.next(at: Self.start) == nil && queue.deadline == nil)
        for number in 0..<3 { queue.add(try Self.numbered(number), on: .master, of: Self.key) }
        for number in 0..<3 {
            #expect(queue.deadline != nil)
            #expect(try queue.next(at: Self.start) == Self.numbered(number))
            #expect(queue.next(at: Self.start) == nil && queue.deadline == nil)
            queue.sent()
        }
        #expect(queue.next(at: Self.start) == nil && queue.dropped == 0)
    }

    @Test func theOldestIsDropped() throws {
        var queue = MailQueue()
        for number in 0..<70 { queue.add(try Self.numbered(number), on: .master, of: Self.key) }
        #expect(queue.dropped == 6)
        #expect(try queue.takeAll() == (6..<70).map(Self.numbered))
        #expect(queue.deadline == nil)
    }

    @Test func threeTries() throws {
        var queue = MailQueue()
        for number in 0..<2 { queue.add(try Self.numbered(number), on: .master, of: Self.key) }
        var now = Self.start
        for pause in [Interval.seconds(10), .seconds(60)] {
            #expect(try queue.next(at: now) == Self.numbered(0))
            let isGivenUp = queue.failed(isFinal: false, at: now)
            #expect(!isGivenUp)
            #expect(queue.next(at: now + pause - .milliseconds(1)) == nil)
            now = now + pause
            #expect(queue.deadline == now)
        }
        #expect(try queue.next(at: now) == Self.numbered(0))
        #expect(queue.failed(isFinal: false, at: now) && queue.failed == 1)
        // The next one has its own tries.
        #expect(try queue.next(at: now) == Self.numbered(1))
        #expect(queue.failed(isFinal: true, at: now) && queue.failed == 2)
        #expect(queue.deadline == nil)
    }

    @Test func whatWaitsGoesWithTheEnd() throws {
        var queue = MailQueue()
        for number in 0..<3 { queue.add(try Self.numbered(number), on: .master, of: Self.key) }
        _ = queue.next(at: Self.start)
        #expect(try queue.takeAll() == [Self.numbered(1), Self.numbered(2)])
        let isGivenUp = queue.failed(isFinal: false, at: Self.start)
        #expect(!isGivenUp)
        #expect(try queue.takeAll() == [Self.numbered(0)])
    }

    /// The same state isn't mailed twice; groups and instances are told apart.
    @Test func repetitions() throws {
        var queue = MailQueue()
        let group = NotificationKey(.group, "V1")
        #expect(!queue.isRepeated(.master, of: Self.key))
        queue.add(try Self.numbered(0), on: .master, of: Self.key)
        #expect(queue.isRepeated(.master, of: Self.key))
        #expect(!queue.isRepeated(.backup, of: Self.key) && !queue.isRepeated(.master, of: group))
        queue.limitMemory(to: 1)
        #expect(queue.isRepeated(.master, of: Self.key))
        queue.limitMemory(to: 0)
        #expect(!queue.isRepeated(.master, of: Self.key))
    }

    @Test func aMailCrosses() throws {
        let mail = try #require(
            Self.mail(.master) { $0.mail.recipients = (0..<100).map { "someone-\($0)@example.org" } })
        var writer = ByteWriter()
        mail.encode(into: &writer)
        let again = try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try Mail(decoding: &reader)
        }
        #expect(again == mail && mail.text.utf8.count > 2_000)
    }
}

extension String {
    fileprivate var replacingLineEnds: String { String(decoding: utf8.filter { $0 != 0x0d }, as: UTF8.self) }
}

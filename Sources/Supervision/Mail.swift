import Base
import ConfigurationModel

/// A mail about a transition: who gets it, and its text as it is sent.
package struct Mail: ByteCoded, Hashable, Sendable {
    /// The sender's address.
    package var sender: String
    /// The recipients' addresses.
    package var recipients: [String]
    /// Headers and body; lines end with CR LF (RFC 5322).
    package var text: String

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        sender = try String(decoding: &reader)
        recipients = try [String](decoding: &reader)
        text = try reader.readString()
    }

    package func encode(into writer: inout ByteWriter) {
        sender.encode(into: &writer)
        recipients.encode(into: &writer)
        writer.write(text)
    }

    /// The host and the user that stand where the configuration names none.
    package struct Origin: Hashable, Sendable {
        package var host: String
        package var user: String

        package init(host: String, user: String) {
            self.host = host
            self.user = user
        }
    }

    /// A mail on a transition, with keepalived's words.
    ///
    /// - Parameters:
    ///   - key: the instance or sync group.
    ///   - seconds: the moment, in seconds since 1970.
    /// - Returns: nil if there is nothing to send, or no recipient.
    package init?(
        on trigger: NotifyTrigger, of key: NotificationKey, _ global: GlobalSettings, _ origin: Origin,
        at seconds: Int64
    ) {
        let settings = global.mail
        guard settings.relay != nil, !settings.recipients.isEmpty, let event = Self.event(trigger),
            !(settings.omitsFaults && trigger == .fault)
        else { return nil }
        let from = settings.sender ?? "\(origin.user)@\(origin.host)"
        let subject = "[\(global.routerID ?? origin.host)] \(Self.title(key)) - \(event)"
        let lines = [
            "Date: \(Self.date(seconds))", "From: \(Self.header(from))", "Subject: \(Self.header(subject))",
            "X-Mailer: Keepalived", "To: \(settings.recipients.map(Self.header).joined(separator: ",\r\n "))", "",
            Self.body(trigger, key.kind), "",
        ]
        sender = Self.address(from)
        recipients = settings.recipients.map(Self.address)
        text = lines.map { $0 + "\r\n" }.joined()
    }

    private static func title(_ key: NotificationKey) -> String {
        switch key.kind {
        case .instance: return "VRRP Instance \(key.name)"
        case .group: return "VRRP Group \(key.name)"
        case .service: return "Virtualserver \(key.name)"
        case .server:
            let names = key.name.split(separator: " ", maxSplits: 1)
            return "Realserver \(names.first ?? "") of virtual server \(names.last ?? "")"
        }
    }

    private static func event(_ trigger: NotifyTrigger) -> String? {
        switch trigger {
        case .master: "Entering MASTER state"
        case .backup: "Entering BACKUP state"
        case .fault: "Entering FAULT state"
        case .stop: "Stopping"
        case .deleted: "Deleted"
        case .up: "UP"
        case .down: "DOWN"
        case .any, .receivedLowerPriority, .reclaimed, .masterPriority, .backupPriority, .beforeMaster, .beforeRelease:
            nil
        }
    }

    private static func body(_ trigger: NotifyTrigger, _ kind: NotificationKey.Kind) -> String {
        switch kind {
        case .instance:
            "=> VRRP Instance is \(trigger == .master ? "now" : "no longer") owning VRRP VIPs <="
        case .group:
            trigger == .stop
                ? "=> All VRRP group instances are stopping <="
                : "=> All VRRP group instances are now in \(trigger.word) state <="
        case .service:
            trigger == .up ? "=> The virtual server has its quorum <=" : "=> The virtual server has no quorum <="
        case .server:
            trigger == .up ? "=> The real server is in its pool <=" : "=> The real server is out of its pool <="
        }
    }

    /// The address of `Name <a@b>`.
    static func address(_ mailbox: String) -> String {
        guard let open = mailbox.lastIndex(of: "<"), let close = mailbox[open...].firstIndex(of: ">") else {
            return header(mailbox)
        }
        return header(String(mailbox[mailbox.index(after: open)..<close]))
    }

    /// A text that stays in its line, so that it can't add a header or a command.
    private static func header(_ text: String) -> String {
        String(decoding: text.utf8.filter { $0 >= 0x20 && $0 != 0x7f }, as: UTF8.self)
    }

    /// `Mon, 30 Nov 2026 14:54:46 +0000` (RFC 5322 §3.3).
    static func date(_ seconds: Int64) -> String {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let seconds = max(0, seconds)
        let (days, second) = (seconds / 86_400, seconds % 86_400)
        // The calendar's years begin in March here, so that the leap day is a year's last one.
        let shifted = days + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let number = month < 10 ? month + 3 : month - 9
        let year = era * 400 + yearOfEra + (number <= 2 ? 1 : 0)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(weekdays[Int(days % 7)]), \(two(day)) \(months[Int(number) - 1]) \(year) "
            + "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60)) +0000"
    }
}

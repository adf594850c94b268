import Configuration
import ConfigurationModel
import LoadBalancing
import Supervision
import VRRP
import WorkerProtocol

/// The forms of what a hasupd leaves to the program that it becomes by `hasup upgrade`. `hasupd --formats` prints those that
/// a program reads, so that the running one can ask before.
struct Formats {
    struct Format: Equatable {
        /// Its word in the answer.
        let name: String
        /// Its name in a sentence.
        let title: String
        /// The form that this program writes.
        let written: Int
        /// The forms that this program reads.
        let readable: [Int]
        /// True if an upgrade without it would lose what it is to keep. The configuration isn't needed: the files were
        /// checked to be without an error (docs/decisions, D7).
        var isNeeded = true
    }

    /// This program's.
    static let own = [
        Format(
            name: "state-page", title: "the page of the VRRP worker's state", written: StatePage.formatVersion,
            readable: StatePage.readableFormats),
        Format(
            name: "record", title: "the records in it", written: NodeSnapshot.formatVersion,
            readable: NodeSnapshot.readableFormats),
        Format(
            name: "address-page", title: "the page of the addresses that the VRRP worker has put onto interfaces",
            written: AddressPage.formatVersion, readable: AddressPage.readableFormats),
        Format(
            name: "notifications", title: "the notifications that aren't sent",
            written: KeptScripts.formatVersion, readable: KeptScripts.readableFormats),
        Format(
            name: "orders", title: "the orders of operators", written: OrderFile.formatVersion,
            readable: OrderFile.readableFormats),
        Format(
            name: "trackers", title: "the results of what is tracked", written: TrackerTable.formatVersion,
            readable: TrackerTable.readableFormats),
        Format(
            name: "checks", title: "the page of checks", written: CheckPage.formatVersion,
            readable: CheckPage.readableFormats),
        Format(
            name: "standings", title: "what checks have found out", written: KeptStanding.formatVersion,
            readable: KeptStanding.readableFormats),
        Format(
            name: "handover", title: "the handover from one hasupd to the next", written: Handover.formatVersion,
            readable: Handover.readableFormats),
        Format(
            name: "configuration", title: "the configuration that runs", written: EncodedModel.formatVersion,
            readable: [EncodedModel.formatVersion], isNeeded: false),
    ]

    /// The answer to `--formats`: the version, then a line for each form.
    static func text(version: String) -> String {
        let lines = own.map { format in
            ([format.name] + format.readable.map(String.init)).joined(separator: " ")
        }
        return (["hasupd \(version)"] + lines).joined(separator: "\n") + "\n"
    }

    /// The version in such an answer; nil when it isn't one.
    static func version(in answer: String) -> String? {
        guard let first = answer.split(separator: "\n").first else { return nil }
        let words = first.split(separator: " ")
        return words.count == 2 && words[0] == "hasupd" ? String(words[1]) : nil
    }

    /// Returns the reason why a program with this answer can't go on where this one is, a clause; nil when it can.
    static func refusal(to answer: String, from own: [Format] = own) -> String? {
        var readable: [Substring: [Substring]] = [:]
        for line in answer.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            if let name = words.first { readable[name] = Array(words.dropFirst()) }
        }
        for format in own where format.isNeeded {
            let known = readable[format.name[...]] ?? []
            if known.contains("\(format.written)") { continue }
            let others = known.isEmpty ? "no form of it" : "form \(known.joined(separator: ", "))"
            return "it can't read \(format.title), which is of form \(format.written): it reads \(others)"
        }
        return nil
    }
}

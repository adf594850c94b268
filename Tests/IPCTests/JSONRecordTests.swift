import Base
import Control
import Testing
import VRRP
import Varlink

@Suite struct JSONRecordTests {
    private func copy<Record: JSONRecord & Equatable>(_ record: Record) throws -> Record {
        var writer = JSONWriter()
        record.write(into: &writer)
        let read = try Record(parsing: writer.bytes)
        #expect(try Record(parsing: try JSON(parsing: writer.bytes).reversed.encoded) == read)
        return read
    }

    @Test func everyRecordReadsBack() throws {
        let status = SampleStatus.reply(instances: 3)
        #expect(try copy(status) == status)
        var processes = ProcessesReply()
        processes.processes = [SampleStatus.process]
        #expect(try copy(processes) == processes)
        var watch = WatchReply()
        watch.event = WatchEvent("transition", text: "web-v4 BACKUP → MASTER", unixSeconds: 1_700_000_000.25)
        watch.event.transition = status.instances[0].lastTransition
        watch.event.reload = SampleStatus.reload
        #expect(try copy(watch) == watch)
        var statistics = StatisticsReply()
        statistics.loop.longestTurnSeconds = 0.000312
        statistics.control.cutOff.add("idle", 4)
        statistics.instances = [
            InstanceStatistics(
                name: "web-v4", counters: status.instances[0].counters,
                keepalived: KeepalivedCounters())
        ]
        #expect(try copy(statistics) == statistics)
    }

    @Test func missingMembersAreDefaultsAndUnknownOnesArePassedOver() throws {
        let report = try InstanceReport(parsing: #"{"later":[1],"vrid":7,"name":"a","source":null}"#.utf8)
        var wanted = InstanceReport()
        wanted.name = "a"
        wanted.vrid = 7
        #expect(report == wanted)
    }

    @Test func anotherKindIsRefusedWithTheMembersName() throws {
        #expect(throws: JSONError("instances: vrid: should be a whole number and is a string")) {
            try StatusReply(parsing: #"{"instances":[{"vrid":"7"}]}"#.utf8)
        }
        #expect(throws: JSONError("DaemonStatus should be an object and is a list")) {
            try DaemonStatus(parsing: "[]".utf8)
        }
    }

    /// Names of a newer daemon: the rest of the answer must be readable.
    @Test func unknownNamesAreIgnored() throws {
        let text =
            #"{"state":"ASLEEP","last_discard":{"reason":"later","text":"a"},"counters":{"discarded":{"later":2}}}"#
        let report = try InstanceReport(parsing: text.utf8)
        #expect(report.state == .initialize && report.lastDiscard?.text == "a")
        #expect(report.counters.discarded.entries == [NamedCounts.Entry(name: "later", count: 2)])
    }

    /// A hostile worker's times must not make the answer unreadable.
    @Test func theLongestIntervalIsReadBack() throws {
        var report = InstanceReport()
        report.advertInterval = Interval(nanoseconds: .max)
        #expect(try copy(report).advertInterval > .seconds(9_223_372_035))
    }

    @Test(arguments: [
        #"{"master":"a"}"#, #"{"master_priority":256}"#, #"{"in_state_seconds":1e300}"#, #"{"state":3}"#,
        #"{"rivals":[{},{},{},{},{}]}"#,
    ])
    func valuesThatCantBeAreRefused(_ text: String) {
        #expect(throws: JSONError.self) { try InstanceReport(parsing: text.utf8) }
    }

    @Test(arguments: [
        #"{"text":"b","code":"a"}"#, #" { "code" : "a" , "x" : [ ] , "text" : "b" } "#,
        #"{"code":"a","text":"b","later":{}}"#,
        #"{"code":"\u0061","text":"b","seconds_left":null}"#, #"{"\u0063ode":"a","text":"b"}"#,
    ])
    func anyOrderAndSpacing(_ text: String) throws {
        #expect(try WaitReport(parsing: text.utf8) == WaitReport(code: "a", text: "b"))
    }

    @Test func everyTruncationIsRefused() throws {
        var writer = JSONWriter()
        SampleStatus.reply(instances: 1).write(into: &writer)
        for count in 0..<writer.bytes.count {
            #expect(throws: JSONError.self) { try StatusReply(parsing: writer.bytes[..<count]) }
        }
        #expect(throws: JSONError.self) { try StatusReply(parsing: writer.bytes + [0x20, 0x7d]) }
    }

    @Test func mutationsAreReadAlikeInAnyOrderOrRefused() {
        var writer = JSONWriter()
        SampleStatus.reply(instances: 1).write(into: &writer)
        var random = SeededRandom(seed: 5)
        for _ in 0..<3_000 {
            var bytes = writer.bytes
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7e, using: &random)
            let read = try? StatusReply(parsing: bytes)
            let reversed = (try? JSON(parsing: bytes)).flatMap { try? StatusReply(parsing: $0.reversed.encoded) }
            #expect(read == reversed)
        }
    }

    @Test func textIsKeptAsItStands() throws {
        let bytes = Array(#" {"a" : [1, "]\"}", {}]} "#.utf8)
        #expect(try JSONText(parsing: bytes).bytes == Array(bytes.dropFirst().dropLast()))
        for text in ["", "{", #"{"a"#, #"{"a\"#, "[[]", "{} {}"] {
            #expect(throws: JSONError.self) { try JSONText(parsing: text.utf8) }
        }
    }

    @Test func nothingIsLeftOut() throws {
        var writer = JSONWriter()
        WaitReport(code: "listening", text: "a").write(into: &writer)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"code":"listening","text":"a"}"#)
    }

    @Test func aThousandInstances() throws {
        let status = SampleStatus.reply(instances: 1_000)
        #expect(try copy(status) == status)
    }
}

extension JSON {
    /// The same value with the members of all its objects in the opposite order.
    fileprivate var reversed: JSON {
        switch self {
        case .object(let members): .object(members.reversed().map { JSONMember($0.name, $0.value.reversed) })
        case .array(let elements): .array(elements.map(\.reversed))
        default: self
        }
    }
}

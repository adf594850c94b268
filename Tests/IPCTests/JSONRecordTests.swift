import Base
import Control
import Testing
import Varlink

@Suite struct JSONRecordTests {
    private func copy<Record: JSONRecord & Equatable>(_ record: Record) throws -> Record {
        var writer = JSONWriter()
        record.write(into: &writer)
        let streamed = try Record(parsing: writer.bytes)
        #expect(try Record(json: try JSON(parsing: writer.bytes)) == streamed)
        return streamed
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
        statistics.instances = [InstanceStatistics(name: "web-v4", counters: status.instances[0].counters)]
        #expect(try copy(statistics) == statistics)
    }

    @Test func missingMembersAreDefaultsAndUnknownOnesArePassedOver() throws {
        let json = try JSON(parsing: Array(#"{"later":[1],"vrid":7,"name":"a","source":null}"#.utf8))
        let report = try InstanceReport(json: json)
        var wanted = InstanceReport()
        wanted.name = "a"
        wanted.vrid = 7
        #expect(report == wanted)
    }

    @Test func anotherKindIsRefusedWithTheMembersName() throws {
        let json = try JSON(parsing: Array(#"{"instances":[{"vrid":"7"}]}"#.utf8))
        #expect(throws: JSONError("instances: vrid: should be a whole number and is a string")) {
            try StatusReply(json: json)
        }
        #expect(throws: JSONError.self) { try DaemonStatus(json: .array([])) }
    }

    @Test(arguments: [
        #"{"text":"b","code":"a"}"#, #" { "code" : "a" , "x" : [ ] , "text" : "b" } "#,
        #"{"code":"a","text":"b","later":{}}"#,
        #"{"code":"\u0061","text":"b","seconds_left":null}"#,
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

    @Test func mutationsAreReadAlikeByBothWaysOrRefused() {
        var writer = JSONWriter()
        SampleStatus.reply(instances: 1).write(into: &writer)
        var random = SeededRandom(seed: 5)
        for _ in 0..<3_000 {
            var bytes = writer.bytes
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0x20...0x7e, using: &random)
            let streamed = try? StatusReply(parsing: bytes)
            let read = (try? JSON(parsing: bytes)).flatMap { try? StatusReply(json: $0) }
            #expect(streamed == read)
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

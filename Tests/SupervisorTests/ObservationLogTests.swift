import Base
import Logging
import Reactor
import Testing
import VRRP

@testable import Supervisor

@Suite("What packets may cost the log (pain point O3)")
struct ObservationLogTests {
    /// p20: each bad packet comes from another source.
    @Test("a line a minute for each reason, whatever senders there are: their addresses are theirs to choose")
    func senders() throws {
        let lines = Lines()
        var log = ObservationLog(log: Logger(label: "test") { _ in LineHandler(lines) }, on: try EventLoop())
        let reasons: [DiscardReason] = [.unknownVRID, .checksum, .length]
        for number in UInt32(1)...300 {
            let source = IPAddress(v4: 10 << 24 | number)
            for reason in reasons {
                let isEvent = log.add(.discarded(nil, reason, source: source, detail: number), nil)
                #expect(isEvent)
            }
        }
        #expect(lines.texts.count == reasons.count)
        #expect(lines.texts.first == "packet from 10.0.0.1 thrown away: no instance here has VRID 1")
        log.flushRest()
        #expect(lines.texts.count == 2 * reasons.count)
        #expect(
            lines.texts.contains(
                "packet from 10.0.0.1 or others thrown away: its checksum is wrong (299 more like this within a minute)"
            )
        )
    }
}

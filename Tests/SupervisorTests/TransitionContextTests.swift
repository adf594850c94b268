import Base
import Configuration
import ConfigurationModel
import Testing
import VRRP

@testable import Supervisor

@Suite("What was observed before a transition says why it happened")
struct TransitionContextTests {
    private let settings = InstanceSettings(name: "VI_1", location: SourceLocation(file: "a.conf", line: 1))
    private let peer = IPAddress(v4: 0x0a00_0002)
    private let other = IPAddress(v4: 0x0a00_0003)
    private let second: Int64 = 1_000_000_000

    private func transition(_ reason: TransitionReason, peer: IPAddress? = nil) -> Transition {
        Transition(
            instance: 0, from: .backup, to: .master, reason: reason, peer: peer, peerPriority: nil,
            ownPriority: .standard, lastAdvertAge: peer == nil ? nil : .milliseconds(3_609))
    }

    private func why(_ before: [(Observation, Int64)], _ last: Transition, at time: Int64) -> String {
        var contexts = TransitionContexts()
        for (observation, time) in before { _ = contexts.add(observation, settings, at: time) }
        let context = contexts.add(.transition(last), settings, at: time)
        let text = last.why(settings, context)
        #expect(last.why(settings, contexts.last(of: "VI_1")) == text, "status says the same")
        return text
    }

    @Test func advertsThatWereRefusedWereHeard() {
        let refused = Observation.discarded(0, .authenticationFailure, source: peer, detail: 0)
        let down = transition(.masterDown, peer: peer)
        #expect(
            why([(refused, 5 * second)], down, at: 6 * second)
                == "no good advert of master 10.0.0.2 for 3.609 s: those of 10.0.0.2 were discarded, the last one: wrong "
                + "password")
        #expect(
            why([(refused, 5 * second)], transition(.masterDown), at: 6 * second)
                == "no good advert of a master: those of 10.0.0.2 were discarded, the last one: wrong "
                + "password")
        let silence = "master 10.0.0.2 wasn't heard for 3.609 s"
        // Long ago, of another router, or because we ourselves didn't run.
        #expect(why([(refused, 5 * second)], down, at: 60 * second) == silence)
        #expect(why([(.discarded(0, .checksum, source: other, detail: 0), second)], down, at: 2 * second) == silence)
        #expect(why([(.discarded(0, .notRunning, source: peer, detail: 0), second)], down, at: 2 * second) == silence)
        #expect(why([], down, at: second) == silence)
    }

    @Test func whatIsBackIsSaid() {
        let back = transition(.recovered)
        #expect(
            why([(.transition(transition(.fault(.interfaceDown("eth0")))), second)], back, at: 2 * second)
                == "interface eth0 is up now")
        #expect(
            why([(.transition(transition(.fault(.sourceAddressMissing(peer)))), second)], back, at: 2 * second)
                == "unicast_src_ip 10.0.0.2 can be used now")
        #expect(why([], back, at: second) == "everything that it needs is there again")
    }

    @Test func whatWasToldLateIsMarked() {
        let text = Observation.earlier(transition(.masterDown), at: Instant(nanoseconds: 5)).line(settings)
        #expect(text.hasSuffix(", reported late"), "\(text)")
        #expect(text.hasPrefix("VI_1: BACKUP -> MASTER: "), "\(text)")
    }

    @Test func namesForEverFillNothing() {
        var contexts = TransitionContexts()
        for number in 0..<40_000 {
            let one = InstanceSettings(name: "\(number)", location: settings.location)
            _ = contexts.add(.discarded(0, .checksum, source: peer, detail: 0), one, at: second)
        }
        #expect(contexts.count <= 16_384)
    }

    @Test func sentencesEndOnce() {
        #expect("it is wrong".asSentence == "it is wrong." && "did you mean `x`?".asSentence == "did you mean `x`?")
    }
}

import Base
import ConfigurationModel
import Testing
import VRRP
import Wire

/// The rules of the guard, one case each, with the numbers that they have in docs/decisions (D106 to D112).
@Suite struct GuardTests {
    // MARK: D106: what counts

    @Test("D106 (1): a life sign blocks a claim for the timeout, whether it echoes or not")
    func lifeSigns() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(2), .master)
        guarded.hear(for: .seconds(8), .master, echoes: false)
        #expect(guarded.state == .backup)
        guarded.advance(.milliseconds(800))
        #expect(guarded.state == .backup)
        guarded.advance(.milliseconds(200))
        #expect(guarded.state == .master)
    }

    @Test("Frames name a cluster by its place in the configuration, also behind another block")
    func placeOfTheCluster() {
        let other = ClusterSettings(name: "far", location: SourceLocation(file: "test.conf", line: 9))
        var guarded = GuardBench(others: [other])
        guarded.hear(for: .seconds(6), .master)
        #expect(guarded.state == .backup && guarded.holds.contains(.masterAlive))
        #expect(guarded.actions.allSatisfy { if case .beat(let place, _) = $0 { place == 1 } else { true } })
    }

    @Test("D106 (1): another boot counts from the first frame that echoes one of ours")
    func anotherBoot() {
        for echoes in [false, true] {
            var guarded = GuardBench()
            guarded.hear(for: .seconds(4), .master)
            for _ in 0..<30 {
                guarded.hear(.master, nonce: 78, echoes: echoes)
                guarded.advance(.milliseconds(100))
            }
            #expect(guarded.state == (echoes ? .backup : .master))
        }
    }

    @Test("D106 (1): a frame that is repeated is no life sign, and is counted")
    func repeatedFrames() throws {
        var guarded = GuardBench()
        var last: Heartbeat?
        guarded.hear(for: .seconds(4), .master) { last = $0 }
        let frame = try #require(last)
        for _ in 0..<20 {
            guarded.give(frame)
            guarded.advance(.milliseconds(100))
        }
        #expect(guarded.state == .master)
    }

    @Test("D106 (3): who didn't run listens anew before silence counts")
    func pause() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(4), .master)
        guarded.bench.stall(.seconds(20))
        guarded.advance(.milliseconds(900))
        #expect(guarded.state == .backup)
        guarded.hear(for: .seconds(1), .master)
        #expect(guarded.state == .backup)
    }

    @Test("D106 (6): who has said goodbye isn't silent: its addresses are free at once")
    func goodbye() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(4), .master)
        guarded.hear(.initialize) { frame in
            frame.echoes[0].isGoodbye = true
            frame.standings[0].flags = []
        }
        #expect(guarded.state == .master)
    }

    @Test("D106 (6): after its own goodbye a node has nothing to send, and no timer of it is due")
    func ownGoodbye() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(2), .master)
        guarded.bench.handle(.stop)
        let frames = guarded.bench.take().compactMap { if case .beat(_, let frame) = $0 { frame } else { nil } }
        #expect(frames.last?.echoes.first?.isGoodbye == true)
        guarded.bench.now = guarded.bench.now + .seconds(1)
        #expect(guarded.bench.node.deadline > guarded.bench.now)
    }

    // MARK: D107: times

    @Test("D107: a silent node is replaced when its own bound is over, which may be longer than ours")
    func boundOfThePeer() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(6), .master) { $0.stayBound = .seconds(2) }
        // (2 + 0.1) · 1.0202 + 0.01 after the last frame, which was 100 ms ago.
        guarded.advance(.milliseconds(2_040))
        #expect(guarded.state == .backup)
        guarded.advance(.milliseconds(20))
        #expect(guarded.state == .master)
    }

    // MARK: D108: claims

    @Test("D108 (1): a live MASTER is waited for, though its adverts aren't heard, and that is told once")
    func masterIsAlive() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(20), .master)
        #expect(guarded.state == .backup && guarded.bench.status().waiting == .guarded)
        #expect(guarded.holds == [.masterAlive])
    }

    @Test("D108 (1): a node that still has the addresses is waited for")
    func addressIsThere() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(20)) { $0.standings[0].flags = [.ready, .addressIsThere] }
        #expect(guarded.state == .backup && guarded.holds == [.addressStillThere])
    }

    @Test("D108 (1): who is heard has to agree to this very claim")
    func assent() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(8))
        let claim = guarded.claim
        #expect(guarded.state == .backup && claim != 0 && guarded.holds == [.awaitsAssent])
        guarded.hear(for: .seconds(1)) { $0.assent(to: claim + 1) }
        #expect(guarded.state == .backup)
        guarded.hear { $0.assent(to: claim) }
        #expect(guarded.state == .master && guarded.standing?.flags.contains(.isProved) == true)
    }

    @Test("D108 (1): of three, each one that is heard has to agree")
    func everybodyAgrees() {
        var guarded = GuardBench(nodes: 3)
        guarded.hear(for: .seconds(8), from: [1, 2])
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        #expect(guarded.state == .backup)
        guarded.hear(from: 2) { $0.assent(to: claim) }
        #expect(guarded.state == .master)
    }

    @Test("D108 (1): who is deaf to us for the timeout can't agree, and isn't asked")
    func deafNode() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(4))
        #expect(guarded.state == .backup && guarded.claim != 0)
        guarded.hear(for: .milliseconds(800), echoes: false)
        #expect(guarded.state == .backup)
        guarded.hear(for: .milliseconds(400), echoes: false)
        #expect(guarded.state == .master)
    }

    @Test("D108: who isn't MASTER agrees to a claim once, and waits for its own timer anew")
    func agreement() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(3))
        guarded.hear {
            $0.standings[0].flags = [.ready, .claims]; $0.standings[0].claim = 9
        }
        #expect(guarded.standing?.assentsTo == 1 && guarded.standing?.claim == 9)
        #expect(guarded.bench.remaining > .seconds(3))
    }

    @Test("D108: who claims with a better priority doesn't agree")
    func betterClaim() {
        var guarded = GuardBench(priority: 150)
        guarded.hear(for: .seconds(4))
        #expect(guarded.claim != 0)
        guarded.hear {
            $0.standings[0].flags = [.ready, .claims]; $0.standings[0].claim = 9
        }
        #expect(guarded.standing?.assentsTo == nil && guarded.claim != 0)
    }

    @Test("D108: who hears a MASTER by its adverts, or by a frame, doesn't agree")
    func noAgreementBesideAMaster() {
        var guarded = GuardBench(nodes: 3)
        let claims: (inout Heartbeat) -> Void = {
            $0.standings[0].flags = [.ready, .claims]; $0.standings[0].claim = 9
        }
        guarded.hear(for: .seconds(1), from: [1, 2])
        guarded.bench.receive(150, from: Bench.higher)
        guarded.hear(change: claims)
        #expect(guarded.standing?.assentsTo == nil)
        var other = GuardBench(nodes: 3)
        other.hear(for: .seconds(1), from: [1, 2])
        other.hear(.master, from: 2)
        other.hear(change: claims)
        #expect(other.standing?.assentsTo == nil)
        #expect(other.state == .backup)
    }

    // MARK: D109: staying

    @Test("D109: a MASTER that hears nobody stays, as long as nothing else decides")
    func loneMaster() {
        var guarded = GuardBench.master()
        guarded.advance(.seconds(60))
        #expect(guarded.state == .master)
    }

    // MARK: D110: two masters

    @Test("D110: the proved claim stays, then the later one, then the priority; the loser goes through BACKUP")
    func twoMasters() {
        for (epoch, isProved, priority, stays): (UInt64, Bool, UInt8, Bool) in [
            (0, true, 200, true), (1, true, 99, true), (1, true, 200, false), (2, true, 99, false),
            (9, false, 200, true),
        ] {
            var guarded = GuardBench.master()
            #expect(guarded.state == .master && guarded.standing?.epoch == 1)
            guarded.hear(.master) { frame in
                frame.standings[0].epoch = epoch
                frame.standings[0].priority = priority
                if isProved { frame.standings[0].flags.insert(.isProved) }
            }
            #expect(guarded.state == (stays ? .master : .backup), "\(epoch) \(isProved) \(priority)")
            if !stays {
                #expect(guarded.actions.reasons.last == .guarded(.secondMaster(node: "n1")))
                #expect(guarded.actions.withdrawn.count == 1 && guarded.actions.adverts.last != 0)
            }
        }
    }

    @Test("D110: an advert decides nothing between masters that hear each other, and all where one is deaf")
    func advertOfASecondMaster() {
        for echoes in [true, false] {
            var guarded = GuardBench.master()
            guarded.hear(for: .milliseconds(echoes ? 100 : 1_500), .master, echoes: echoes)
            guarded.bench.receive(200, from: Bench.higher)
            #expect(guarded.bench.state == (echoes ? .master : .backup))
        }
    }

    @Test("D110, T3: a MASTER that didn't run listens before it advertises, and lets go for a later claim")
    func thawedMaster() {
        for (answer, stays): (RouterState?, Bool) in [(.master, false), (.backup, true), (nil, true)] {
            var guarded = GuardBench.master()
            guarded.hear(for: .seconds(2))
            guarded.bench.stall(.seconds(20))
            let (adverts, frames) = (guarded.actions.adverts.count, guarded.frames.count)
            guarded.advance(.milliseconds(50))
            #expect(guarded.frames.count > frames && guarded.actions.adverts.count == adverts)
            if let answer {
                guarded.hear(answer) { frame in
                    guard answer == .master else { return }
                    frame.standings[0].epoch = 9
                }
                guarded.advance(.milliseconds(20))
            } else {
                // Nobody answers: it listens for half a timeout.
                guarded.advance(.milliseconds(400))
                #expect(guarded.actions.adverts.count == adverts)
                guarded.advance(.milliseconds(100))
            }
            #expect(guarded.state == (stays ? .master : .backup), "\(String(describing: answer))")
            #expect(guarded.actions.adverts.count == adverts + (stays ? 1 : 0), "\(String(describing: answer))")
        }
    }

    // MARK: D111: hand-over

    @Test("D111: a MASTER hands over to a better one that asks: priority 0, the addresses, and then the frame")
    func handOver() {
        var guarded = GuardBench.master()
        guarded.bench.kernelAnswers = false
        let asks: (inout Heartbeat) -> Void = { frame in
            frame.standings[0].flags = [.ready, .claims, .asksForHandOver]
            frame.standings[0].claim = 9
            frame.standings[0].priority = 200
        }
        guarded.hear(change: asks)
        #expect(guarded.state == .backup && guarded.actions.adverts.last == 0)
        #expect(guarded.actions.reasons.last == .guarded(.handOver(node: "n1")))
        #expect(guarded.standing?.flags.contains(.addressIsThere) == true && guarded.standing?.assentsTo == nil)
        for action in guarded.actions.filter({ if case .withdraw = $0 { true } else { false } }) {
            guarded.bench.answer(action)
        }
        guarded.hear(change: asks)
        #expect(guarded.standing?.flags.contains(.addressIsThere) == false)
        #expect(guarded.standing?.assentsTo == 1 && guarded.standing?.claim == 9)
    }

    @Test("D111: one with a lower priority gets nothing by asking")
    func noHandOver() {
        var guarded = GuardBench.master()
        guarded.hear(for: .seconds(1)) { frame in
            frame.standings[0].flags = [.ready, .claims, .asksForHandOver]
            frame.standings[0].claim = 9
            frame.standings[0].priority = 99
        }
        #expect(guarded.state == .master)
    }

    @Test("D111: what is released by a frame is claimed at once, without skew")
    func released() {
        var guarded = GuardBench()
        guarded.hear(for: .seconds(1), .master)
        #expect(guarded.claim == 0)
        guarded.hear { $0.standings[0].flags = [.ready, .addressIsThere] }
        #expect(guarded.claim == 0, "its addresses are there")
        guarded.hear()
        #expect(guarded.claim != 0)
        let claim = guarded.claim
        guarded.hear { $0.assent(to: claim) }
        #expect(guarded.state == .master && guarded.actions.reasons.last == .masterReleased)
    }

    // MARK: D112: cold start

    @Test("D112: who was never heard since our start is waited for as cold_start says")
    func coldStart() {
        var guarded = GuardBench { $0.coldStart = .claim(after: .seconds(8)) }
        guarded.advance(.milliseconds(7_900))
        #expect(guarded.state == .backup && guarded.holds == [.neverHeard])
        guarded.advance(.milliseconds(200))
        #expect(guarded.state == .master && guarded.standing?.flags.contains(.isProved) == false)
        var waiting = GuardBench { $0.coldStart = .wait }
        waiting.advance(.seconds(600))
        #expect(waiting.state == .backup)
    }

    @Test("an unguarded node of the block sends no heartbeats, and isn't waited for")
    func unguardedNode() {
        var guarded = GuardBench { $0.nodes[1].isUnguarded = true }
        guarded.advance(.seconds(4))
        #expect(guarded.state == .master)
    }
}

import Base
import CLinux
import Glibc
import Kernel
import Reactor
import Testing

@Suite(.serialized, .enabled(if: NetworkNamespace.isPossible, "needs the right to make a network namespace"))
struct NetlinkThreadTests {
    private func addresses(_ first: UInt32, _ count: UInt32, on index: Int32) -> [InterfaceAddress] {
        (0..<count).map {
            InterfaceAddress(
                interfaceIndex: index, interfaceName: "va", address: IPAddress(v4: first + $0), prefixLength: 32)
        }
    }

    /// Waits by the event loop, as a worker does.
    private func completions(of thread: NetlinkThread, count: Int) throws -> [NetlinkCompletion] {
        let loop = try EventLoop()
        var done: [NetlinkCompletion] = []
        let watch = try loop.add(thread.descriptor) { _ in
            done += thread.drain()
            if done.count >= count { loop.stop() }
        }
        let timer = loop.makeTimer { loop.stop() }
        loop.set(timer, to: Clock.now + .seconds(10))
        try loop.run()
        loop.remove(watch)
        return done
    }

    @Test func answersEachCallInOrder() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let thread = try NetlinkThread(try NetworkNamespace.connect())
            let count = 1000
            let begin = Clock.now
            for number in 0..<count {
                thread.submit(.install(addresses(0x0a01_0000 + UInt32(number), 1, on: index)), ticket: UInt64(number))
            }
            thread.submit(.read, ticket: 5000)
            let installed = try completions(of: thread, count: count + 1)
            print("1,000 calls of one address: answered in \(Clock.now - begin)")
            #expect(installed.map(\.ticket) == (0..<UInt64(count)).map { $0 } + [5000])
            #expect(installed.dropLast().allSatisfy { $0.outcomes == [.added] && $0.failures.isEmpty })
            #expect(
                installed.last?.snapshot?.addresses.filter { $0.address.family == .ipv4 && $0.scope == 0 }.count == 1000
            )

            let again = Clock.now
            for number in 0..<count {
                thread.submit(
                    .withdraw(addresses(0x0a01_0000 + UInt32(number), 1, on: index), guarded: []),
                    ticket: UInt64(number))
            }
            let withdrawn = try completions(of: thread, count: count)
            print("1,000 calls of one address: withdrawn in \(Clock.now - again)")
            #expect(withdrawn.count == count)
            #expect(withdrawn.allSatisfy { $0.outcomes == [.removed] })
            #expect(thread.inFlight == 0)
        }
    }

    @Test func keepsTheOrderOfContraryCalls() throws {
        try NetworkNamespace.inside {
            let index = try NetworkNamespace.makePair()
            let thread = try NetlinkThread(try NetworkNamespace.connect())
            let some = addresses(0x0a01_0000, 3, on: index)
            for ticket in 0..<20 as Range<UInt64> {
                thread.submit(ticket % 2 == 0 ? .install(some) : .withdraw(some, guarded: []), ticket: ticket)
            }
            let done = try completions(of: thread, count: 20)
            for completion in done {
                let wanted: AddressOutcome = completion.ticket % 2 == 0 ? .added : .removed
                #expect(completion.outcomes == [wanted, wanted, wanted])
            }
        }
    }

    @Test func reportsFailuresAsSentences() throws {
        try NetworkNamespace.inside {
            let thread = try NetlinkThread(try NetworkNamespace.connect())
            thread.submit(.install(addresses(0x0a00_0001, 2, on: 77)), ticket: 1)
            thread.stop()
            let done = thread.drain()
            #expect(
                done.first?.failures.map(\.description) == [
                    "can't add 10.0.0.1/32 to va: No such device", "can't add 10.0.0.2/32 to va: No such device",
                ])
        }
    }

    @Test func endsWithoutBeingAsked() throws {
        try NetworkNamespace.inside {
            for _ in 0..<20 {
                let thread = try NetlinkThread(try NetworkNamespace.connect())
                thread.submit(.read, ticket: 1)
            }
        }
    }
}

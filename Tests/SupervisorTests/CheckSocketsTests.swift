import Base
import CLinux
import ConfigurationModel
import Glibc
import LoadBalancing
import Reactor
import Testing
import WorkerProtocol

@testable import Supervisor

@Suite("Sockets for checks (D78, D79)")
struct CheckSocketsTests {
    private static let home = IPAddress(v4: 0x7f00_0001)

    private func check(_ kind: CheckKind = .tcp, _ change: (inout CheckEndpoint) -> Void) -> CheckSettings {
        var endpoint = CheckEndpoint(address: Self.home, port: 1, timeout: .seconds(1))
        change(&endpoint)
        return CheckSettings(
            kind: kind, endpoint: endpoint,
            schedule: CheckSchedule(interval: .seconds(1), retries: 0, delayBeforeRetry: .zero, warmup: .zero))
    }

    private func sockets(_ checks: CheckSettings...) -> CheckSockets {
        var server = RealServerSettings(address: Self.home, port: 80)
        server.checks = checks
        var service = VirtualServerSettings(address: .firewallMark(1), location: SourceLocation())
        service.realServers = [server]
        return CheckSockets([service])
    }

    /// The number of a check's socket, which is the caller's; nil when there is none.
    private func open(_ sockets: CheckSockets, _ check: CheckSettings) throws -> Int32? {
        guard let socket = try sockets.open(CheckFingerprint(check), group: getegid()) else { return nil }
        return socket.release()
    }

    @Test("only for checks of the configuration that may need one")
    func onlyForThose() throws {
        let marked = check { $0.firewallMark = 7 }
        let plain = check { _ in }
        let sockets = sockets(plain, check { $0.localPort = 9 })
        for other in [marked, plain, check(.udp(UDPProbe())) { $0.localPort = 9 }] {
            #expect(try open(sockets, other) == nil)
        }
    }

    @Test("bound to the local ends, and stays so when it is used again")
    func bound() throws {
        var probe = UDPProbe()
        probe.requiresReply = true
        for kind in [CheckKind.tcp, .udp(probe)] {
            let check = check(kind) {
                $0.localAddress = IPAddress(v4: 0x7f00_0002)
                $0.localPort = 40_123
            }
            let socket = try #require(try open(sockets(check), check))
            defer { close(socket) }
            var target = hasup_check_target(kind, try #require(check.endpoint))
            for _ in 0..<2 {
                var isLocal: Int32 = 0
                _ = hasup_check_connect(&target, socket, &isLocal)
                #expect(isLocal == 0)
                #expect(hasup_check_disconnect(socket) == 0)
                var name = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                let result = withUnsafeMutablePointer(to: &name) { place in
                    place.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
                }
                #expect(result == 0)
                #expect(UInt16(bigEndian: name.sin_port) == 40_123)
                #expect(UInt32(bigEndian: name.sin_addr.s_addr) == 0x7f00_0002)
            }
        }
    }

    @Test("a datagram that came while there was no connection is no reply")
    func strangers() throws {
        var probe = UDPProbe()
        probe.requiresReply = true
        let check = check(.udp(probe)) {
            $0.localAddress = Self.home
            $0.localPort = 40_124
        }
        let socket = try #require(try open(sockets(check), check))
        defer { close(socket) }
        var stranger = hasup_check_target(check.kind, CheckEndpoint(address: Self.home, port: 40_124, timeout: .zero))
        var isLocal: Int32 = 0
        let other = hasup_check_connect(&stranger, -1, &isLocal)
        defer { close(other) }
        #expect(hasup_check_send(other, [1, 2, 3], 3) == 3)
        var target = hasup_check_target(check.kind, try #require(check.endpoint))
        #expect(hasup_check_connect(&target, socket, &isLocal) == socket)
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(hasup_check_receive(socket, &bytes, bytes.count) == -Int(EAGAIN))
    }

    @Test("with the configuration's mark, for who has the right to set it", .enabled(if: getuid() == 0))
    func marked() throws {
        let check = check { $0.firewallMark = 0xfedc_ba98 }
        let socket = try #require(try open(sockets(check), check))
        defer { close(socket) }
        var mark: UInt32 = 0
        var length = socklen_t(4)
        #expect(getsockopt(socket, SOL_SOCKET, SO_MARK, &mark, &length) == 0)
        #expect(mark == 0xfedc_ba98)
    }

    @Test("the range of groups that may ping: widened by one, and by no more than it takes")
    func groups() {
        #expect(PingGroups.widened([1, 0], by: 980) == [980, 980])
        #expect(PingGroups.widened([0, 10], by: 980) == [0, 980])
        #expect(PingGroups.widened([1_000, 2_000], by: 980) == [980, 2_000])
        #expect(PingGroups.widened([], by: 980) == [980, 980])
        #expect(PingGroups.admits([0, 980], 980) && PingGroups.admits([980, 980], 980))
        #expect(!PingGroups.admits([1, 0], 0) && !PingGroups.admits([0, 979], 980) && !PingGroups.admits([], 0))
    }
}

import Base
import CLinux
import Configuration
import Glibc
import IPC
import Kernel
import Reactor
import Sandbox
import VRRP
import VRRPWorker

/// The role `hasup-withdraw`: while there is no VRRP worker, removes the addresses of instances that aren't MASTER, or were
/// and have been silent for so long that a peer may have taken over. A process of its own because hasupd reads no worker's bytes
/// and waits for no kernel (docs/decisions.md, D6, D12).
///
/// Arguments: the words of `SealArguments`. Descriptor 3 is the state page, 4 the compiled system call filter, 5 the
/// configuration's image, 6 an rtnetlink socket.
enum WithdrawRole {
    /// Exit statuses: done, or a MASTER's time hasn't come yet.
    static let nothingLeft: Int32 = 0
    static let moreLater: Int32 = 75

    static func run(arguments: [String]) -> Int32 {
        guard let wishes = SealArguments(words: arguments) else { return 64 }
        _ = seal(as: SealPlan(wishes, capabilities: [.netAdmin], filter: 4, landlock: .nothing))
        do {
            let page = try StatePage(mapping: Descriptor(owning: 3))
            let image = try ConfigurationImage(Descriptor(owning: 5))
            let connection = try RouteConnection(Descriptor(owning: 6))
            let records = page.records
            let snapshot = NodeSnapshot(
                instances: records.filter { $0.number > 0 }.map(\.bytes), node: nil, heardUntil: page.stamp,
                lastNotification: 0)
            let model = try EncodedModel(image.model).decode()
            let now = Clock.now
            let deadlines = snapshot.masterDeadlines(of: model, at: now)
            let inTime = deadlines.filter { $0.value > now }
            // What isn't MASTER has no address to keep either: its worker may have died while it removed them.
            let others = Set(model.instances.indices).subtracting(inTime.keys)
            if !others.isEmpty { try withdraw(model.addresses(of: others), through: connection) }
            return inTime.isEmpty ? nothingLeft : moreLater
        } catch {
            say("\(error)")
            return 71
        }
    }

    /// Removes what is there, on these interfaces, and marked as ours.
    private static func withdraw(
        _ addresses: [String: Set<IPAddress>], through connection: RouteConnection
    ) throws(SystemError) {
        let gone = try connection.withdrawMarked(addresses)
        guard !gone.isEmpty else { return }
        let list = gone.map { "\($0)" }.joined(separator: ", ")
        say("no VRRP worker has advertised for too long: \(list) withdrawn")
    }

    private static func say(_ text: String) {
        let line = "hasup-withdraw: \(text)\n"
        _ = write(2, line, line.utf8.count)
    }
}

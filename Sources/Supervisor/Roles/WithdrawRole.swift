import Base
import CLinux
import Configuration
import ConfigurationModel
import Glibc
import Kernel
import Reactor
import Sandbox
import VRRP
import VRRPWorker
import WorkerProtocol

/// The role `hasup-withdraw`: while there is no VRRP worker, removes the addresses of instances that aren't MASTER, or were
/// and have been silent for so long that a peer may have taken over. A process of its own because a running hasupd reads no
/// worker's bytes and waits for no kernel (docs/decisions, D6, D12).
///
/// Arguments: the number of previous configurations, then the words of `SandboxArguments`. Descriptor 3 is the state page,
/// 4 the compiled system call filter, 5 the configuration's image, 6 an rtnetlink socket, 7 the address page; from 8 on the
/// images of previous configurations of which something may still be in the kernel.
enum WithdrawRole {
    /// Exit statuses: done, or a MASTER's time hasn't come yet.
    static let nothingLeft: Int32 = 0
    static let moreLater: Int32 = 75

    static func run(arguments: [String]) -> Int32 {
        guard let count = arguments.first.flatMap({ Int32($0) }), (0...Int32(previousGenerationsMax)).contains(count),
            let wishes = SandboxArguments(words: arguments.dropFirst())
        else { return 64 }
        let report = seal(as: SandboxPlan(wishes, capabilities: [.netAdmin], filter: 4, landlock: .nothing))
        if let refusal = report.refusal(for: wishes) {
            say(refusal)
            return 77
        }
        do {
            let page = try StatePage(mapping: Descriptor(owning: 3))
            // A worker that begins, or that has done anything, decides from then on what stays.
            let (owner, stamp) = (page.generation, page.stamp)
            let image = try ConfigurationImage(Descriptor(owning: 5))
            let connection = try RouteConnection(Descriptor(owning: 6))
            let addresses = try AddressPage(mapping: Descriptor(owning: 7))
            var previous: [ConfigurationModel] = []
            for number in 0..<count {
                let image = try ConfigurationImage(Descriptor(owning: 8 + number))
                previous.append(try EncodedModel(image.model).decode())
            }
            let records = page.records
            let snapshot = NodeSnapshot(
                instances: records.compactMap(InstanceRecord.init), node: nil, heardUntil: page.stamp,
                lastNotification: 0)
            let model = try EncodedModel(image.model).decode()
            let now = Clock.now
            let deadlines = snapshot.masterDeadlines(of: model, at: now)
            let inTime = deadlines.filter { $0.value > now }
            // What isn't MASTER has no address to keep either: its worker may have died while it removed them.
            let removal = try StaleAddressRemoval(
                model, previous: previous,
                StaleAddresses.Evidence(records: addresses.records, claimed: Set(inTime.keys)), connection.snapshot(),
                through: connection
            ) { page.generation == owner && page.stamp == stamp }
            // The worker that comes ends their entries.
            if !removal.removed.isEmpty {
                let list = listed(removal.removed.map { "\($0) from \($0.interfaceName)" })
                say("no VRRP worker has advertised for too long: removed \(list)")
            }
            try removal.requireSuccess()
            return inTime.isEmpty ? nothingLeft : moreLater
        } catch {
            say("\(error)")
            return 71
        }
    }

    private static func say(_ text: String) { StandardError.writeLine("hasup-withdraw: \(text)") }
}

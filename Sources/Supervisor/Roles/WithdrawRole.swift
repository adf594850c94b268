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
/// and have been silent for so long that a peer may have taken over. A process of its own because a running hasupd reads no worker's bytes
/// and waits for no kernel (docs/decisions.md, D6, D12).
///
/// Arguments: how many former configurations there are, then the words of `SandboxArguments`. Descriptor 3 is the state page, 4 the compiled system call filter, 5 the
/// configuration's image, 6 an rtnetlink socket, 7 the address page; from 8 on the images of former configurations of which something may still
/// be in the kernel.
enum WithdrawRole {
    /// Exit statuses: done, or a MASTER's time hasn't come yet.
    static let nothingLeft: Int32 = 0
    static let moreLater: Int32 = 75

    static func run(arguments: [String]) -> Int32 {
        guard let count = arguments.first.flatMap({ Int32($0) }), (0...Int32(formersMax)).contains(count),
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
            var formers: [ConfigurationModel] = []
            for number in 0..<count {
                let former = try ConfigurationImage(Descriptor(owning: 8 + number))
                formers.append(try EncodedModel(former.model).decode())
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
            let routes = try connection.snapshot()
            let names = Dictionary(routes.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
            let orphans = LeftBehind(
                model, formers: formers, kernel: routes.addresses.map(KernelAddress.init), interfaces: names,
                LeftBehind.Evidence(records: addresses.records, claimed: Set(inTime.keys)))
            try withdraw(
                orphans.leaving.map {
                    let index = $0.key.interfaceIndex
                    return InterfaceAddress($0.key, named: names[index] ?? "interface \(index)")
                }, through: connection
            ) { page.generation == owner && page.stamp == stamp }
            return inTime.isEmpty ? nothingLeft : moreLater
        } catch {
            say("\(error)")
            return 71
        }
    }

    /// Removes them, for as long as it is asked for. The worker that comes ends their entries.
    private static func withdraw(
        _ addresses: [InterfaceAddress], through connection: RouteConnection, while isWanted: () -> Bool
    ) throws(SystemError) {
        guard !addresses.isEmpty else { return }
        var outcomes: [AddressOutcome] = addresses.map { _ in .pending }
        try connection.withdraw(addresses, into: &outcomes, while: isWanted)
        let gone = zip(addresses, outcomes).filter { $1 == .removed }.map(\.0)
        if !gone.isEmpty {
            let list = listed(gone.map { "\($0) from \($0.interfaceName)" })
            say("no VRRP worker has advertised for too long: removed \(list)")
        }
        for (address, outcome) in zip(addresses, outcomes) {
            if case .failed(let code) = outcome { throw address.error(removing: code) }
        }
    }

    private static func say(_ text: String) { StandardError.writeLine("hasup-withdraw: \(text)") }
}

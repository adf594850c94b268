import Base
import Configuration
import ConfigurationModel
import Logging
import Reactor
import Supervision
import WorkerProtocol

/// The memory files that outlive hasupd (docs/decisions, D10): the state page of the VRRP worker, its address page, the
/// configuration that runs, and, once there was one, the notifications that aren't sent, and the results of what is tracked.
/// Beside them the open FIFOs, whose readers see no end while no hasupd runs.
/// systemd keeps a copy of their descriptors in the service's store and passes them to the next hasupd; after `hasup upgrade`
/// they are in the `Handover`.
///
/// Another program may have written them: a file that isn't whole is reported, closed, and removed from the store.
final class DescriptorStore {
    private enum Kind: String, CaseIterable {
        case state = "hasup-state"
        case addresses = "hasup-addresses"
        case configuration = "hasup-configuration"
        case notifications = "hasup-notifications"
        case trackers = "hasup-trackers"
        case checks = "hasup-checks"
        case standings = "hasup-standings"
        case keys = "hasup-keys"
        case fifo = "hasup-notify-fifo"
        case vrrpFIFO = "hasup-vrrp-notify-fifo"
        case servicesFIFO = "hasup-lvs-notify-fifo"

        init(_ fifo: FIFOPlan.Kind) {
            switch fifo {
            case .all: self = .fifo
            case .vrrp: self = .vrrpFIFO
            case .services: self = .servicesFIFO
            }
        }

        /// True for what is made when there is something to keep, and perhaps never.
        var isDispensable: Bool {
            switch self {
            case .state, .addresses, .configuration: false
            case .notifications, .trackers, .checks, .standings, .keys, .fifo, .vrrpFIFO, .servicesFIFO: true
            }
        }

        /// The name of an entry: the kind, and a number from the second on. What replaces an entry has another name, so that one
        /// of the two is there at every moment.
        func name(_ number: Int) -> String { number == 0 ? rawValue : "\(rawValue)-\(number)" }

        /// The kind and number of a name; nil for a strange one.
        static func parse(_ name: String) -> (kind: Kind, number: Int)? {
            for kind in allCases {
                if name == kind.rawValue { return (kind, 0) }
                guard name.hasPrefix(kind.rawValue + "-"), let number = Int(name.dropFirst(kind.rawValue.count + 1)),
                    number > 0, number < 1 << 40
                else { continue }
                return (kind, number)
            }
            return nil
        }
    }

    /// The store's entries of one kind.
    private struct Entry {
        /// The descriptor for the next hasupd, and the object that keeps it open; nil while there is nothing to pass.
        var descriptor: (number: Int32, owner: AnyObject)?
        /// The number in the newest one's name.
        var number: Int?
        /// Names of what is older and still there.
        var older: Set<String> = []
        /// True if the newest one is the only one, and needn't be stored again while hasupd goes on with it.
        var isStored = false
    }

    private let systemd: SystemdNotify
    /// The predecessor's page; nil when there is none that can be used.
    private(set) var page: StatePage?
    /// Which address workers have put where.
    private var addresses: AddressFile?
    /// The same to look into; nil when there is none.
    var addressPage: AddressPage? { addresses.flatMap { try? AddressPage(mapping: try $0.copy()) } }
    /// The predecessor's configuration; nil when there is none that can be used.
    private(set) var configuration: (image: ConfigurationImage, model: EncodedModel)?
    /// The predecessor's notifications that aren't sent; nil when there are none that can be used.
    private(set) var notifications: StatePage?
    /// The results that the predecessor knew; nil when there are none that can be used.
    private(set) var trackers: StatePage?
    /// The page that the predecessor's checkers have written; nil when there is none that can be used.
    private(set) var checks: CheckPage?
    /// The states that the predecessor was told by them; nil when there is none that can be used.
    private(set) var standings: StatePage?
    /// The keys of clusters that the predecessor has read; nil when there are none that can be used.
    private(set) var keys: MappedMemory?
    /// The predecessor's open FIFOs, until they are taken.
    private var fifos: [Kind: FIFOFile] = [:]
    private var entries: [Kind: Entry] = [:]
    /// The entries that were passed and can't be used, a sentence each.
    private var complaints: [String] = []
    private var log: Logger?

    /// Takes what was passed: to be made before anything else is opened.
    init(_ systemd: SystemdNotify, _ passed: [StoredDescriptor] = []) {
        self.systemd = systemd
        // The newest first: what comes after it is what it was stored instead of.
        let all = passed.map { (name: $0.name, number: $0.number, place: Kind.parse($0.name)) }
        for passed in all.sorted(by: { $0.place?.number ?? 0 > $1.place?.number ?? 0 }) {
            let descriptor = Descriptor(owning: passed.number)
            guard let (kind, number) = passed.place else {
                complain("no such name is known", about: passed.name)
                try? systemd.unstore(passed.name)
                continue
            }
            var entry = entries[kind] ?? Entry(number: number)
            defer { entries[kind] = entry }
            if number != entry.number {
                entry.older.insert(passed.name)
                if isTaken(kind) { continue }
            }
            // What can't be used is removed from the store when what follows it is stored.
            entry.isStored = entries[kind] == nil
            do {
                guard !isTaken(kind) else { throw Surplus() }
                try take(descriptor, as: kind)
            } catch {
                entry.isStored = false
                complain("\(error)", about: passed.name)
                // Perhaps nothing follows it.
                if kind.isDispensable, !isTaken(kind) { try? systemd.unstore(passed.name) }
            }
        }
        if let notifications { keep(notifications: notifications) }
        if let trackers { keep(trackers: trackers) }
        if let checks { keep(checks: checks) }
        if let standings { keep(standings: standings) }
        if let keys { keep(keys: keys) }
        for (kind, file) in fifos { keep(file.number, of: file, as: kind, isStored: true) }
    }

    private struct NoFIFO: Error, CustomStringConvertible { let description = "it is no FIFO" }
    private struct Surplus: Error, CustomStringConvertible { let description = "there is another one" }

    private func take(_ descriptor: consuming Descriptor, as kind: Kind) throws {
        switch kind {
        case .state: page = try StatePage.inherited(descriptor)
        case .addresses: addresses = try AddressFile(inherited: descriptor)
        case .configuration:
            let image = try ConfigurationImage(descriptor)
            configuration = (image, try EncodedModel(image.model))
        case .notifications: notifications = try StatePage.inherited(descriptor, mapsAll: true)
        case .trackers: trackers = try StatePage.inherited(descriptor, mapsAll: true)
        case .checks: checks = try CheckPage(descriptor)
        case .standings: standings = try StatePage.inherited(descriptor, mapsAll: true)
        case .keys: keys = try MappedMemory(sealed: descriptor)
        case .fifo, .vrrpFIFO, .servicesFIFO:
            guard let file = FIFOFile(descriptor) else { throw NoFIFO() }
            fifos[kind] = file
        }
    }

    private func isTaken(_ kind: Kind) -> Bool {
        switch kind {
        case .state: page != nil
        case .addresses: addresses != nil
        case .configuration: configuration != nil
        case .notifications: notifications != nil
        case .trackers: trackers != nil
        case .checks: checks != nil
        case .standings: standings != nil
        case .keys: keys != nil
        case .fifo, .vrrpFIFO, .servicesFIFO: fifos[kind] != nil
        }
    }

    /// True if systemd keeps what is stored.
    var isKept: Bool { systemd.isAvailable }

    private func complain(_ reason: String, about name: String) {
        complaints.append("'\(Printable.text(name))', which was kept for this start, can't be used: \(reason)")
    }

    /// Logs what couldn't be used, and from now on what can't be stored.
    func report(to log: Logger) {
        self.log = log
        for complaint in complaints { log.error("\(complaint)") }
    }

    /// Keeps the worker's page.
    func keep(_ page: StatePage) {
        keep(page.number, of: page, as: .state, isStored: page === self.page)
        self.page = nil
    }

    /// Keeps which address the worker has put where: what was passed or kept before, or a new file if there is none that
    /// can be read. - Throws: `SystemError` when there is none and none can be made.
    func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool) {
        if let addresses, addresses.isReadable {
            keep(addresses.number, of: addresses, as: .addresses, isStored: true)
            return (addresses, false)
        }
        let file = try AddressFile()
        addresses = file
        keep(file.number, of: file, as: .addresses, isStored: false)
        return (file, true)
    }

    /// Keeps the configuration that runs.
    func keep(_ image: ConfigurationImage) {
        keep(image.number, of: image, as: .configuration, isStored: image === configuration?.image)
        configuration = nil
    }

    /// Keeps the notifications that aren't sent.
    func keep(notifications: StatePage) {
        keep(
            notifications.number, of: notifications, as: .notifications, isStored: notifications === self.notifications)
    }

    /// Keeps the results of what is tracked.
    func keep(trackers: StatePage) {
        keep(trackers.number, of: trackers, as: .trackers, isStored: trackers === self.trackers)
    }

    /// Keeps the page of checks.
    func keep(checks: CheckPage) {
        keep(checks.number, of: checks, as: .checks, isStored: checks === self.checks)
    }

    /// Keeps what checkers have told.
    func keep(standings: StatePage) {
        keep(standings.number, of: standings, as: .standings, isStored: standings === self.standings)
    }

    /// Keeps the keys of clusters.
    func keep(keys: MappedMemory?) {
        if let keys { return keep(keys.number, of: keys, as: .keys, isStored: keys === self.keys) }
        if let entry = entries.removeValue(forKey: .keys) { unstore(entry, .keys) }
    }

    /// The predecessor's open FIFO; nil when there is none that can be used.
    func fifo(_ kind: FIFOPlan.Kind) -> FIFOFile? { fifos[Kind(kind)] }

    /// Keeps an open FIFO.
    func keep(_ file: FIFOFile, as kind: FIFOPlan.Kind) {
        let kind = Kind(kind)
        keep(file.number, of: file, as: kind, isStored: file === fifos[kind])
        fifos[kind] = file
    }

    /// Lets go of an open FIFO.
    func dropFIFO(_ kind: FIFOPlan.Kind) {
        let kind = Kind(kind)
        fifos[kind] = nil
        if let entry = entries.removeValue(forKey: kind) { unstore(entry, kind) }
    }

    private func keep(_ descriptor: Int32, of owner: AnyObject, as kind: Kind, isStored: Bool) {
        var entry = entries[kind] ?? Entry()
        defer { entries[kind] = entry }
        entry.descriptor = (descriptor, owner)
        guard isKept, !isStored || !entry.isStored else { return }
        do throws(SystemError) {
            // Stored before what was there is removed: a hasupd that is killed in between leaves both.
            let next = entry.number.map { $0 + 1 } ?? 0
            try systemd.store(descriptor, as: kind.name(next))
            if let last = entry.number { entry.older.insert(kind.name(last)) }
            entry.number = next
            entry.isStored = true
            for old in entry.older {
                try systemd.unstore(old)
                entry.older.remove(old)
            }
        } catch {
            entry.isStored = false
            log?.warning("\(error): should hasupd be killed, the next one couldn't go on where it was")
        }
    }

    /// Removes everything from the store: the workers have handed over.
    func clear() {
        for (kind, entry) in entries {
            unstore(entry, kind)
            entries[kind] = Entry(descriptor: entry.descriptor)
        }
    }

    private func unstore(_ entry: Entry, _ kind: Kind) {
        if let number = entry.number { try? systemd.unstore(kind.name(number)) }
        for name in entry.older { try? systemd.unstore(name) }
    }

    /// The files that are kept, for the program that this process becomes.
    var stored: [StoredDescriptor] {
        Kind.allCases.compactMap { kind in
            guard let entry = entries[kind], let descriptor = entry.descriptor else { return nil }
            return StoredDescriptor(name: kind.name(entry.number ?? 0), number: descriptor.number)
        }
    }
}

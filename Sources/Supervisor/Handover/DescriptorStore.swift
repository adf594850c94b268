import Base
import Configuration
import ConfigurationModel
import Logging
import Reactor
import WorkerProtocol

/// What outlives hasupd (docs/decisions.md, D10): the page with what the VRRP worker knows, which address it has put where,
/// the configuration that runs, and, once there was one, which notifications are still to be told, all in memory files.
/// systemd keeps a copy of their descriptors in the service's store and passes them to the next hasupd; `hasup upgrade`
/// passes them by itself, in the same way.
///
/// What is passed is a stranger's: what isn't whole is told, closed, and removed from the store.
final class DescriptorStore {
    private enum Name {
        static let state = "hasup-state"
        static let addresses = AddressPage.name
        static let configuration = "hasup-configuration"
        static let notifications = "hasup-notifications"

        /// What is stored instead of something has a name of its own, so that one of the two is there at every moment: the
        /// kind, and a number from the second on.
        static func name(_ kind: String, _ number: Int) -> String { number == 0 ? kind : "\(kind)-\(number)" }

        /// The kind and number of a name; nil for a strange one.
        static func parse(_ name: String) -> (kind: String, number: Int)? {
            for kind in [state, addresses, configuration, notifications] {
                if name == kind { return (kind, 0) }
                guard name.hasPrefix(kind + "-"), let number = Int(name.dropFirst(kind.count + 1)), number > 0,
                    number < 1 << 40
                else { continue }
                return (kind, number)
            }
            return nil
        }
    }

    private let systemd: SystemdNotify
    /// The page that a former hasupd has left; nil when there is none that can be used.
    private(set) var page: StatePage?
    /// Which address its worker had put where, likewise; then what is kept of it.
    private var addresses: AddressFile?
    /// The same to look into; nil when there is none.
    var addressPage: AddressPage? { addresses.flatMap { try? AddressPage(mapping: try $0.copy()) } }
    /// The configuration that it ran, likewise.
    private(set) var configuration: (image: ConfigurationImage, model: EncodedModel)?
    /// The notifications that it had still to tell, likewise.
    private(set) var notifications: StatePage?
    /// What was passed and can't be used, a sentence each.
    private(set) var complaints: [String] = []
    /// What was passed once and is what this hasupd goes on with: it needn't be stored again.
    private var stored: Set<String> = []
    /// Number of the newest of each kind, and what is older and still there.
    private var numbers: [String: Int] = [:]
    private var older: [String: Set<String>] = [:]
    private var current: (page: StatePage?, image: ConfigurationImage?, notifications: StatePage?)
    private var log: Logger?

    /// Takes what was passed: to be made before anything else is opened.
    init(_ systemd: SystemdNotify) {
        self.systemd = systemd
        var count: [String: Int] = [:]
        // The newest first: what comes after it is what it was stored instead of.
        let all = PassedDescriptors.take().map { (name: $0.name, number: $0.number, place: Name.parse($0.name)) }
        for passed in all.sorted(by: { $0.place?.number ?? 0 > $1.place?.number ?? 0 }) {
            let descriptor = Descriptor(owning: passed.number)
            let kind = passed.place?.kind ?? passed.name
            if let place = passed.place {
                if numbers[kind] == nil { numbers[kind] = place.number }
                if place.number != numbers[kind] {
                    older[kind, default: []].insert(passed.name)
                    if isTaken(kind) { continue }
                }
            }
            count[kind, default: 0] += 1
            switch kind {
            case Name.state where page == nil:
                do throws(SystemError) {
                    page = try StatePage.inherited(descriptor)
                } catch {
                    complain("\(error)", about: passed.name)
                }
            case Name.addresses where addresses == nil:
                do throws(SystemError) {
                    addresses = try AddressFile(inherited: descriptor)
                } catch {
                    complain("\(error)", about: passed.name)
                }
            case Name.configuration where configuration == nil:
                do {
                    let image = try ConfigurationImage(descriptor)
                    configuration = (image, try EncodedModel(image.model))
                } catch {
                    complain("\(error)", about: passed.name)
                }
            case Name.notifications where notifications == nil:
                do throws(SystemError) {
                    notifications = try StatePage.inherited(descriptor, mapsAll: true)
                } catch {
                    complain("\(error)", about: passed.name)
                    // Perhaps nothing follows it.
                    try? systemd.unstore(passed.name)
                }
            case Name.state, Name.addresses, Name.configuration, Name.notifications:
                complain("there is another one", about: passed.name)
            default:
                complain("nothing of that name is known", about: passed.name)
                try? systemd.unstore(passed.name)
            }
        }
        // What can't be used is removed from the store when what follows it is stored.
        if page != nil, count[Name.state] == 1 { stored.insert(Name.state) }
        if addresses != nil, count[Name.addresses] == 1 { stored.insert(Name.addresses) }
        if configuration != nil, count[Name.configuration] == 1 { stored.insert(Name.configuration) }
        if notifications != nil, count[Name.notifications] == 1 { stored.insert(Name.notifications) }
        if let notifications { keep(notifications: notifications) }
    }

    private func isTaken(_ kind: String) -> Bool {
        switch kind {
        case Name.state: page != nil
        case Name.addresses: addresses != nil
        case Name.configuration: configuration != nil
        default: notifications != nil
        }
    }

    /// Whether somebody keeps what is stored.
    var isKept: Bool { systemd.isAvailable }

    private func complain(_ reason: String, about name: String) {
        complaints.append("'\(Printable.text(name))', which was kept for this start, can't be used: \(reason)")
    }

    /// From now on the log is told of what can't be stored. What couldn't be used is told at once.
    func tell(_ log: Logger) {
        self.log = log
        for complaint in complaints { log.error("\(complaint)") }
    }

    func keep(_ page: StatePage) {
        current.page = page
        keep(page.number, as: Name.state, isStored: page === self.page)
        self.page = nil
    }

    /// Keeps which address the worker has put where: what was passed or kept before, or a new file if nothing was or nobody
    /// could read it. - Throws: `SystemError` when there is none and none can be made.
    func keepAddresses() throws(SystemError) -> (file: AddressFile, isNew: Bool) {
        if let addresses, addresses.isReadable {
            keep(addresses.number, as: Name.addresses, isStored: true)
            return (addresses, false)
        }
        let file = try AddressFile()
        addresses = file
        keep(file.number, as: Name.addresses, isStored: false)
        return (file, true)
    }

    func keep(_ image: ConfigurationImage) {
        current.image = image
        keep(image.number, as: Name.configuration, isStored: image === configuration?.image)
        configuration = nil
    }

    /// Keeps what is still to be told.
    func keep(notifications: StatePage) {
        current.notifications = notifications
        keep(notifications.number, as: Name.notifications, isStored: notifications === self.notifications)
    }

    private func keep(_ number: Int32, as name: String, isStored: Bool) {
        guard isKept, !isStored || !stored.contains(name) else { return }
        do throws(SystemError) {
            // Stored before what was there is removed: a hasupd that is killed in between leaves both.
            let last = numbers[name]
            let next = last.map { $0 + 1 } ?? 0
            try systemd.store(number, as: Name.name(name, next))
            numbers[name] = next
            stored.insert(name)
            if let last { older[name, default: []].insert(Name.name(name, last)) }
            for old in older.removeValue(forKey: name) ?? [] { try systemd.unstore(old) }
        } catch {
            stored.remove(name)
            log?.warning("\(error): should hasupd be killed, its successor couldn't go on where it was")
        }
    }

    /// Nothing is kept for a successor any more: the workers have handed over.
    func clear() {
        for (name, number) in numbers { try? systemd.unstore(Name.name(name, number)) }
        for name in older.values.joined() { try? systemd.unstore(name) }
        stored = []
        numbers = [:]
        older = [:]
    }

    /// What the program is passed that this process becomes, with its names.
    var passing: (numbers: [Int32], names: [String]) {
        var numbers: [Int32] = []
        var names: [String] = []
        if let page = current.page {
            numbers.append(page.number)
            names.append(Name.name(Name.state, self.numbers[Name.state] ?? 0))
        }
        if let addresses {
            numbers.append(addresses.number)
            names.append(Name.name(Name.addresses, self.numbers[Name.addresses] ?? 0))
        }
        if let image = current.image {
            numbers.append(image.number)
            names.append(Name.name(Name.configuration, self.numbers[Name.configuration] ?? 0))
        }
        if let page = current.notifications {
            numbers.append(page.number)
            names.append(Name.name(Name.notifications, self.numbers[Name.notifications] ?? 0))
        }
        return (numbers, names)
    }
}

import Base
import Configuration
import IPC
import Logging
import Reactor

/// What outlives hasupd (docs/decisions.md, D10): the page with what the VRRP worker knows, and the configuration that
/// runs, both in memory files. systemd keeps a copy of their descriptors in the service's store and passes them to the
/// next hasupd; `hasup upgrade` passes them by itself, in the same way.
///
/// What is passed is a stranger's: what isn't whole is told, closed, and removed from the store.
final class DescriptorStore {
    private enum Name {
        static let state = "hasup-state"
        static let configuration = "hasup-configuration"
    }

    private let systemd: SystemdNotify
    /// The page that a former hasupd has left; nil when there is none that can be used.
    private(set) var page: StatePage?
    /// The configuration that it ran, likewise.
    private(set) var configuration: (image: ConfigurationImage, model: EncodedModel)?
    /// What was passed and can't be used, a sentence each.
    private(set) var complaints: [String] = []
    /// What was passed once and is what this hasupd goes on with: it needn't be stored again.
    private var stored: Set<String> = []
    private var current: (page: StatePage?, image: ConfigurationImage?)
    private var log: Logger?

    /// Takes what was passed: to be made before anything else is opened.
    init(_ systemd: SystemdNotify) {
        self.systemd = systemd
        var count: [String: Int] = [:]
        for passed in PassedDescriptors.take() {
            let descriptor = Descriptor(owning: passed.number)
            count[passed.name, default: 0] += 1
            switch passed.name {
            case Name.state where page == nil:
                do throws(SystemError) {
                    page = try StatePage.inherited(descriptor)
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
            case Name.state, Name.configuration: complain("there is another one", about: passed.name)
            default:
                complain("nothing of that name is known", about: passed.name)
                try? systemd.unstore(passed.name)
            }
        }
        // What can't be used is removed from the store when what follows it is stored.
        if page != nil, count[Name.state] == 1 { stored.insert(Name.state) }
        if configuration != nil, count[Name.configuration] == 1 { stored.insert(Name.configuration) }
    }

    /// Whether somebody keeps what is stored.
    var isKept: Bool { systemd.isHeard }

    private func complain(_ reason: String, about name: String) {
        complaints.append("'\(Printable.text(name))', which was kept for this start, can't be used: \(reason)")
    }

    /// From now on the log is told of what can't be stored. What couldn't be used is told at once.
    func tell(_ log: Logger) {
        self.log = log
        for complaint in complaints { log.error("\(complaint)") }
    }

    /// Keeps the page.
    func keep(_ page: StatePage) {
        current.page = page
        keep(page.number, as: Name.state, isStored: page === self.page)
        self.page = nil
    }

    /// Keeps the configuration.
    func keep(_ image: ConfigurationImage) {
        current.image = image
        keep(image.number, as: Name.configuration, isStored: image === configuration?.image)
        configuration = nil
    }

    private func keep(_ number: Int32, as name: String, isStored: Bool) {
        guard isKept, !isStored || !stored.contains(name) else { return }
        do throws(SystemError) {
            // What was there under this name is the last one.
            try systemd.unstore(name)
            try systemd.store(number, as: name)
            stored.insert(name)
        } catch {
            stored.remove(name)
            log?.warning("\(error): should hasupd be killed, its successor couldn't go on where it was")
        }
    }

    /// Nothing is kept for a successor any more: the workers have handed over.
    func clear() {
        for name in stored { try? systemd.unstore(name) }
        stored = []
    }

    /// What the program is passed that this process becomes, with its names.
    var passing: (numbers: [Int32], names: [String]) {
        var numbers: [Int32] = []
        var names: [String] = []
        if let page = current.page {
            numbers.append(page.number)
            names.append(Name.state)
        }
        if let image = current.image {
            numbers.append(image.number)
            names.append(Name.configuration)
        }
        return (numbers, names)
    }
}

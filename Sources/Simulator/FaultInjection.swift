import ConfigurationModel
import VRRP

/// A deliberate fault, to prove that the invariants can fail.
enum FaultInjection: String, CaseIterable {
    /// The first machine stays cut off after the faults have ended.
    case keepsPartition
    /// The first machine has other VRIDs.
    case changesVRIDs
    /// The kernel of the first machine forgets addresses without telling.
    case losesKernelAddresses
    /// A machine that comes back has forgotten its nopreempt.
    case ignoresNopreempt
    /// In peace nobody sends priority 0.
    case suppressesPriorityZero
    /// In peace nobody hears priority 0.
    case dropsPriorityZero
    /// The death of a process in peace is seen when its peers have given it up.
    case delaysRestart
    /// A successor counts one notification less than was sent.
    case undercountsNotifications
    /// A successor counts one notification more than was sent.
    case overcountsNotifications
    /// A successor isn't given the ledger.
    case dropsLedger
    /// Nothing is written into the ledger's memory file.
    case dropsLedgerRecords
    /// An entry that ends in the ledger stays in its memory file.
    case keepsEndedLedgerRecords
    /// Addresses without a mark are removed at a start.
    case removesForeignAddresses
    /// The kernel says that it has added what it hasn't.
    case skipsInstalls
    /// The notifications of another machine's having the address don't come.
    case hidesDuplicates
    /// The notifications of what other programs add don't come.
    case hidesForeignAddresses
    /// The notifications of a link don't say its MTU.
    case hidesMTU
    /// A removal by another program isn't noted.
    case ignoresForeignRemovals
    /// Something happens on the link all the time, so that a core tries again what was refused.
    case changesLinkConstantly
    /// In peace no result of a tracked object is heard.
    case losesTrackerResults
    /// In peace a core that starts or reloads isn't given the table of results.
    case losesTrackerTable
    /// A script or process that fails is said to be well.
    case hidesTrackerFailures
    /// Cores don't hear of sync groups.
    case hidesGroups
    /// The members of the first machine's groups rank it differently.
    case ranksMembersDifferently
    /// The kernel answers before it has added anything.
    case answersEarly
    /// A successor doesn't know that MASTER is still to be notified.
    case forgetsOwedNotifications

    /// A core isn't given orders that keep it in maintenance.
    case losesMaintenance
    /// A core isn't given orders to resign.
    case losesResignations
    /// A core isn't told that there are hooks.
    case skipsHooks
    /// The kernel says that it has renewed a lease, and hasn't.
    case neverRenews
    /// The kernel adds and renews without a lifetime.
    case forgetsLeases

    /// A part of the message of the one invariant that finds it.
    var sign: String {
        switch self {
        case .keepsPartition, .changesVRIDs: "masters"
        case .losesKernelAddresses: "serves nothing"
        case .ignoresNopreempt: "moved when machine"
        case .suppressesPriorityZero, .dropsPriorityZero: "has had no master"
        case .delaysRestart: "the death of a process was seen by others"
        case .undercountsNotifications, .overcountsNotifications: "notifies"
        case .dropsLedger: " left"
        case .dropsLedgerRecords: "without a record of it"
        case .keepsEndedLedgerRecords: "has records of"
        case .removesForeignAddresses: "which another program has added"
        case .skipsInstalls: "without having it"
        case .hidesDuplicates: "serves nothing"
        case .hidesForeignAddresses: "reports no foreign"
        case .hidesMTU: "on a link with an MTU"
        case .ignoresForeignRemovals: "and none has"
        case .changesLinkConstantly: "and can't use its addresses"
        case .losesTrackerResults, .losesTrackerTable: "which should be"
        case .hidesTrackerFailures: "which tracks a failure"
        case .hidesGroups: "are apart"
        case .ranksMembersDifferently: "master"
        case .answersEarly: "before it can serve"
        case .forgetsOwedNotifications: "before its members"
        case .losesMaintenance, .losesResignations: "which it shouldn't"
        case .skipsHooks: "before its before_master"
        case .neverRenews: "lets the lease of"
        case .forgetsLeases: "after its lease"
        }
    }

    /// Returns the configuration that decides about leftovers.
    func adopting(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = model
        if self == .removesForeignAddresses { model.global.adoptsLeftovers = true }
        return model
    }

    /// Returns what a core hears instead of an event.
    func bent(_ event: Event) -> Event {
        func bent(_ model: ConfigurationModel) -> ConfigurationModel {
            var model = model
            model.shared.syncGroups = []
            return model
        }
        guard self == .hidesGroups else { return event }
        return switch event {
        case .configure(let model): .configure(bent(model))
        case .resume(let model, let snapshot): .resume(bent(model), snapshot)
        default: event
        }
    }

    /// Returns the number that a successor believes was the last notification's.
    func counted(_ last: UInt64) -> UInt64 {
        switch self {
        case .undercountsNotifications: last > 0 ? last - 1 : 0
        case .overcountsNotifications: last + 1
        default: last
        }
    }

    /// Returns the record that a successor of an instance finds.
    func bent(_ record: InstanceRecord) -> InstanceRecord {
        // Behind form, fingerprint, four bytes, the interface's number (below 128) and the sum of hardware addresses.
        let flags = 1 + 8 + 4 + 1 + 2
        guard self == .forgetsOwedNotifications, record.bytes.count > flags else { return record }
        var record = record
        record.bytes[flags] &= 0x7f
        return record
    }

    /// Returns what a machine that is started in peace is given instead of its configuration.
    func started(_ model: ConfigurationModel) -> ConfigurationModel {
        guard self == .ignoresNopreempt else { return model }
        var model = model
        for place in model.instances.indices { model.instances[place].nopreempt = false }
        return model
    }
}

import ConfigurationModel
import VRRP

/// Deliberate breakage, to prove that the invariants can fail.
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
    /// A successor is told of one notification less than was sent.
    case undercountsNotifications
    /// A successor is told of one notification more than was sent.
    case overcountsNotifications
    /// A successor isn't given the ledger.
    case dropsLedger
    /// Nothing is written into the ledger's memory file.
    case dropsLedgerRecords
    /// What ends in the ledger stays in its memory file.
    case keepsEndedLedgerRecords
    /// Whatever nobody has marked is taken for a leftover.
    case removesForeignAddresses
    /// The kernel says that it has added what it hasn't.
    case skipsInstalls
    /// The notifications of another machine's having the address don't come.
    case hidesDuplicates
    /// The notifications of what strangers add don't come.
    case hidesForeignAddresses
    /// The notifications of a link don't say its MTU.
    case hidesMTU
    /// It isn't noted who has removed an address.
    case ignoresForeignRemovals
    /// Something happens on the link all the time, so that a core tries again what was refused.
    case changesLinkConstantly

    /// How the one invariant that finds it says so.
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
        case .removesForeignAddresses: "which is a stranger's"
        case .skipsInstalls: "without having it"
        case .hidesDuplicates: "serves nothing"
        case .hidesForeignAddresses: "says nothing of strangers"
        case .hidesMTU: "on a link with an MTU"
        case .ignoresForeignRemovals: "and nobody has"
        case .changesLinkConstantly: "and can't use its addresses"
        }
    }

    /// What decides about leftovers.
    func adopting(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = model
        if self == .removesForeignAddresses { model.global.adoptsLeftovers = true }
        return model
    }

    /// What a successor believes was the last notification.
    func counted(_ last: UInt64) -> UInt64 {
        switch self {
        case .undercountsNotifications: last > 0 ? last - 1 : 0
        case .overcountsNotifications: last + 1
        default: last
        }
    }

    /// What a machine that is started in peace is told instead of its configuration.
    func started(_ model: ConfigurationModel) -> ConfigurationModel {
        guard self == .ignoresNopreempt else { return model }
        var model = model
        for place in model.instances.indices { model.instances[place].nopreempt = false }
        return model
    }
}

import ConfigurationModel
import VRRP

/// Deliberate breakage, to prove that the invariants can fail.
enum FaultInjection: String, CaseIterable {
    /// The first machine stays cut off after the faults have ended.
    case staysCut
    /// The first machine has other VRIDs.
    case otherVirtualRouterIDs
    /// The kernel of the first machine forgets addresses without telling.
    case forgetfulKernel
    /// A machine that comes back has forgotten its nopreempt.
    case forgetsNopreempt
    /// In peace nobody sends priority 0.
    case sendsNoRelease
    /// In peace nobody hears priority 0.
    case hearsNoRelease
    /// The death of a process in peace is seen when its peers have given it up.
    case seesDeathLate
    /// A successor is told of one notification less than was sent.
    case countsTooFew
    /// A successor is told of one notification more than was sent.
    case countsTooMany
    /// A successor isn't given the ledger.
    case forgetsLedger
    /// Nothing is written into the ledger's memory file.
    case losesRecords
    /// What ends in the ledger stays in its memory file.
    case keepsEndedRecords
    /// Whatever nobody has marked is taken for a leftover.
    case adoptsStrangers
    /// The kernel says that it has added what it hasn't.
    case liesAboutInstalls
    /// The news of another machine's having the address don't come.
    case hidesDuplicates
    /// The news of what strangers add don't come.
    case hidesStrangers
    /// The news of a link don't say its MTU.
    case hidesMTU
    /// It isn't noted who has removed an address.
    case forgetsRobbers
    /// Something happens on the link all the time, so that a core tries again what was refused.
    case triesAllTheTime

    /// How the one invariant that finds it says so.
    var sign: String {
        switch self {
        case .staysCut, .otherVirtualRouterIDs: "masters"
        case .forgetfulKernel: "serves nothing"
        case .forgetsNopreempt: "moved when machine"
        case .sendsNoRelease, .hearsNoRelease: "has had no master"
        case .seesDeathLate: "the death of a process was seen by others"
        case .countsTooFew, .countsTooMany: "notifies"
        case .forgetsLedger: " left"
        case .losesRecords: "without a record of it"
        case .keepsEndedRecords: "has records of"
        case .adoptsStrangers: "which is a stranger's"
        case .liesAboutInstalls: "without having it"
        case .hidesDuplicates: "serves nothing"
        case .hidesStrangers: "says nothing of strangers"
        case .hidesMTU: "on a link with an MTU"
        case .forgetsRobbers: "and nobody has"
        case .triesAllTheTime: "and can't use its addresses"
        }
    }

    /// What decides about leftovers.
    func adopting(_ model: ConfigurationModel) -> ConfigurationModel {
        var model = model
        if self == .adoptsStrangers { model.global.adoptsLeftovers = true }
        return model
    }

    /// What a successor believes was the last notification.
    func counted(_ last: UInt64) -> UInt64 {
        switch self {
        case .countsTooFew: last > 0 ? last - 1 : 0
        case .countsTooMany: last + 1
        default: last
        }
    }

    /// What a machine that is started in peace is told instead of its configuration.
    func started(_ model: ConfigurationModel) -> ConfigurationModel {
        guard self == .forgetsNopreempt else { return model }
        var model = model
        for place in model.instances.indices { model.instances[place].nopreempt = false }
        return model
    }
}

import Base
import ConfigurationModel

extension Elaborator {

    /// Complains about what strict mode forbids (behaviours §7). It isn't enforced yet, so nothing is reset here.
    mutating func checkStrictness() {
        let draft = draft
        let settings = draft.settings
        guard settings.options.contains(.strict) else { return }
        let isOwner = settings.priority == .owner
        func forbid(_ keyword: String, _ reason: String, _ elaborator: inout Elaborator) {
            guard let token = draft.places[keyword] else { return }
            elaborator.report(.warning, "strict mode doesn't allow this: \(reason)", at: token)
        }
        if settings.isUnicast, let token = draft.places["unicast_peer"] {
            report(
                .error, "strict mode doesn't allow unicast: RFC 9568 has multicast only", at: token,
                atStart: .runIt)
        }
        if settings.virtualAddresses.isEmpty, !tries("virtual_ipaddress", in: draft.block) {
            report(
                .error, "strict mode needs a virtual address", at: draft.places["virtual_ipaddress"] ?? draft.token,
                atStart: .runIt)
        }
        forbid("no_virtual_ipaddress", "an instance has virtual addresses", &self)
        forbid("authentication", "RFC 9568 has no authentication", &self)
        if draft.places["state"] != nil, settings.wantsMaster != isOwner {
            forbid("state", "MASTER is for priority 255 and BACKUP for any other", &self)
        }
        forbid("preempt_delay", "a higher priority takes over at once", &self)
        if settings.downTimerAdverts != 3 { forbid("down_timer_adverts", "it is 3 (RFC 9568 §6.1)", &self) }
        if case .vmac(.some) = draft.extra.link?.kind {
            forbid("use_vmac", "the MAC address is 00:00:5e:00:01:VRID, or 02 for IPv6", &self)
        }
        forbid("vmac_xmit_base", "advertisements come from the virtual MAC address", &self)
        if settings.version == .v2, !isOwner {
            forbid("accept", "only the owner accepts packets in version 2 (RFC 3768 §6.4.3)", &self)
        }
        if !settings.lowerPriorityNoAdvert {
            forbid("lower_prio_no_advert", "lower priorities aren't answered (RFC 9568 §6.4.3)", &self)
        }
        forbid("garp_lower_prio_delay", "lower priorities cause no announcement", &self)
        if settings.announcements.lowerPriorityRounds != 0 {
            forbid("garp_lower_prio_repeat", "lower priorities cause no announcement", &self)
        }
        if let hmac = draft.extra.hmac, hmac.mode != .enforce {
            forbid("auth_hmac", "its mode is enforce", &self)
        }
        if isOwner, draft.places["owner_ignore_adverts"] != nil, !settings.options.contains(.ownerIgnoresAdverts) {
            forbid("owner_ignore_adverts", "an owner ignores advertisements", &self)
        }
        if settings.family == .ipv6, let first = settings.virtualAddresses.first, !first.prefix.address.isLinkLocal,
            let token = draft.virtualPlaces.first
        {
            report(
                .error, "strict mode needs a link-local address first (RFC 9568 §5.2.9)", at: token,
                atStart: .runIt)
        }
    }
}

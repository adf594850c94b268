import ConfigurationModel

/// The quorum of a service: between the two borders it stays as it is.
struct QuorumRule: Hashable, Sendable {
    let quorum: Int
    let hysteresis: Int

    init(_ settings: VirtualServerSettings) { (quorum, hysteresis) = (settings.quorum, settings.hysteresis) }

    /// - Parameters:
    ///   - live: weight of the servers that are up.
    ///   - total: configured weight of all of them.
    func isMet(live: Int, total: Int, wasMet: Bool) -> Bool {
        // It is lowered to what there is, with weights of 0 alone to 0 (behaviours_lvs2, B13).
        let quorum = min(quorum, total)
        guard wasMet else { return live >= quorum + hysteresis }
        return live >= quorum - hysteresis && (live > 0 || quorum == 0)
    }
}

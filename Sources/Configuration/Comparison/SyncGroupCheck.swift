import ConfigurationModel

/// Findings about sync groups: one that its nodes don't agree on pulls itself down.
extension ClusterCheck {
    /// - Parameter routers: for each virtual router the instances of its nodes.
    mutating func checkSyncGroups(_ routers: [[NodeInstance]]) {
        let places = nodes.map { Self.groupPlaces($0.loaded.model) }
        for second in nodes.indices {
            for first in 0..<second {
                let pairs = routers.compactMap { router -> Pair? in
                    guard let a = router.first(where: { $0.node == first }),
                        let b = router.first(where: { $0.node == second })
                    else { return nil }
                    return Pair(
                        first: a, second: b, group: places[first][a.instance.name],
                        otherGroup: places[second][b.instance.name])
                }
                compareRanks(pairs, second)
                compareMembers(pairs)
            }
        }
    }

    /// One virtual router on two nodes, and the places of the groups that it is in there.
    private struct Pair {
        var first: NodeInstance
        var second: NodeInstance
        var group: Int?
        var otherGroup: Int?
    }

    private static func groupPlaces(_ model: ConfigurationModel) -> [String: Int] {
        var places: [String: Int] = [:]
        for (place, group) in model.shared.syncGroups.enumerated() {
            for member in group.members where model.instances.indices.contains(member) {
                places[model.instances[member].name] = place
            }
        }
        return places
    }

    private func groupName(_ place: Int, of node: Int) -> String {
        nodes[node].loaded.model.shared.syncGroups[place].name
    }

    /// Members that prefer different nodes: whichever node is MASTER, one member's better peer takes the group down.
    private mutating func compareRanks(_ pairs: [Pair], _ node: Int) {
        for place in Set(pairs.compactMap(\.otherGroup)).sorted() {
            let members = pairs.filter { $0.otherGroup == place }
            func prefersFirst(_ pair: Pair) -> Bool {
                pair.first.instance.normalPriority > pair.second.instance.normalPriority
            }
            func prefersSecond(_ pair: Pair) -> Bool {
                pair.first.instance.normalPriority < pair.second.instance.normalPriority
            }
            guard let one = members.first(where: prefersFirst), let other = members.first(where: prefersSecond) else {
                continue
            }
            differ(
                "members of sync group `\(groupName(place, of: node))` prefer different nodes: "
                    + "`\(one.second.instance.name)` has priority \(one.second.instance.normalPriority) here and "
                    + "\(one.first.instance.normalPriority) on the other node, `\(other.second.instance.name)` "
                    + "\(other.second.instance.normalPriority) here and \(other.first.instance.normalPriority) there: "
                    + "the group never settles", other.first, other.second, "priority")
        }
    }

    /// Finds instances that are together on one node only: their MASTERs may be on different nodes.
    private mutating func compareMembers(_ pairs: [Pair]) {
        for (place, pair) in pairs.enumerated() {
            for other in pairs[..<place] {
                let isTogether = pair.group != nil && pair.group == other.group
                let isTogetherThere = pair.otherGroup != nil && pair.otherGroup == other.otherGroup
                guard isTogether != isTogetherThere else { continue }
                differ(
                    "`\(other.second.instance.name)` and `\(pair.second.instance.name)` are in one sync group "
                        + (isTogether ? "on the other node only" : "on this node only")
                        + ": the two may be MASTER on different nodes", pair.first, pair.second, as: .warning)
                break
            }
        }
    }
}

// The effect of sync groups on what their members track (behaviours §8).

extension ConfigurationModel {
    /// The instances as their sync groups have them: with the groups' trackers, and without the weights that members of
    /// a group can't have. In the same order.
    package var effectiveInstances: [InstanceSettings] {
        guard !shared.syncGroups.isEmpty else { return instances }
        var effective = instances
        for group in shared.syncGroups {
            for member in group.members where effective.indices.contains(member) {
                effective[member].join(group)
            }
        }
        return effective
    }
}

extension InstanceSettings {
    /// Makes the instance a member of a group. Members that rank their nodes by weights of their own would never settle, so
    /// these count with `sync_group_tracking_weight` only. Nothing is dropped of processes, as in keepalived.
    package mutating func join(_ group: SyncGroup) {
        if !group.keepsMemberWeights {
            // The reverse of a weight goes with it; of weight 0 it is a fault that is meant.
            for index in trackedInterfaces.indices where trackedInterfaces[index].weight != 0 {
                trackedInterfaces[index].weight = 0
                trackedInterfaces[index].reverse = false
            }
            // What is a file's weight when none is written isn't meant as one.
            for index in trackers.indices where trackers[index].kind == .file && trackers[index].weight == 1 {
                trackers[index].weight = 0
            }
            trackers.removeAll { $0.kind != .process && $0.weight != 0 }
        }
        // What the group says of an object takes the place of what the member says.
        trackedInterfaces.removeAll { own in group.trackedInterfaces.contains { $0.name == own.name } }
        trackedInterfaces += group.trackedInterfaces.filter { tracked in
            // Its own one being down is a fault anyway.
            tracked.name != interface || tracked.weight != 0 || tracked.reverse || ignoresPrimaryInterface
        }
        trackers.removeAll { own in group.trackers.contains { $0.kind == own.kind && $0.name == own.name } }
        trackers += group.trackers
        if group.notifiesPriorityChanges { options.insert(.notifiesPriorityChanges) }
    }
}

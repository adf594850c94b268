import Base
import ConfigurationModel
import Supervision

/// The instances and sync groups of a generation by their names. Only names are decoded: of thousands of instances, all
/// settings would take too long (docs/decisions, D6).
struct OrderSubjects: OrderTable.Subjects {
    /// In the order of the files.
    let instances: [String]
    let groups: [SyncGroup]
    private var places: [String: Int] = [:]
    private var groupPlaces: [String: Int] = [:]
    /// The group of each member.
    private var membership: [Int: Int] = [:]

    init(_ generation: Generation) {
        instances = (0..<generation.instanceCount).map { (try? generation.model.name(at: $0)) ?? "" }
        groups = generation.syncGroups
        for (place, name) in instances.enumerated() { places[name] = place }
        for (place, group) in groups.enumerated() {
            groupPlaces[group.name] = place
            for member in group.members { membership[member] = place }
        }
    }

    func hasInstance(_ name: String) -> Bool { places[name] != nil }

    func group(of instance: String) -> String? {
        places[instance].flatMap { membership[$0] }.map { groups[$0].name }
    }

    func members(of group: String) -> [String]? {
        groupPlaces[group].map { groups[$0].members.map { instances[$0] } }
    }

    /// The members of a group; none of an instance.
    func members(of subject: NotificationKey) -> [String] {
        subject.kind == .group ? members(of: subject.name) ?? [] : []
    }

    /// Everything that can be given an order: sync groups, and instances that are in none.
    var all: [NotificationKey] {
        groups.map { NotificationKey(.group, $0.name) }
            + instances.enumerated().filter { membership[$0.offset] == nil }.map {
                NotificationKey(.instance, $0.element)
            }
    }

    /// The numbers of the instances of a subject.
    func numbers(of subject: NotificationKey) -> [Int] {
        switch subject.kind {
        case .instance: places[subject.name].map { [$0] } ?? []
        case .group: groupPlaces[subject.name].map { groups[$0].members } ?? []
        case .service, .server: []
        }
    }

    /// An instance, and its group if it has one.
    func subjects(ofInstance number: Int) -> [NotificationKey] {
        guard instances.indices.contains(number) else { return [] }
        let own = NotificationKey(.instance, instances[number])
        return membership[number].map { [own, NotificationKey(.group, groups[$0].name)] } ?? [own]
    }

    /// The subject of an order to an instance: its group, if it has one.
    func subject(ofInstance number: Int) -> NotificationKey {
        membership[number].map { NotificationKey(.group, groups[$0].name) }
            ?? NotificationKey(.instance, instances.indices.contains(number) ? instances[number] : "")
    }
}

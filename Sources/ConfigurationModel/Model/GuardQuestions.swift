import Base

/// A reference address by its place in the configuration: the cluster, and the line in its references.
package struct ReferencePlace: Hashable, Sendable {
    package var cluster: UInt8
    package var reference: UInt8

    package init(cluster: UInt8, reference: UInt8) {
        self.cluster = cluster
        self.reference = reference
    }

    /// Nil for places that no configuration has.
    package init?(cluster: Int, reference: Int) {
        guard let cluster = UInt8(exactly: cluster), let reference = UInt8(exactly: reference) else { return nil }
        self.init(cluster: cluster, reference: reference)
    }
}

/// The link on which other machines are asked for an address before a guarded instance claims it.
package struct QuestionLink: Hashable, Sendable {
    package var interface: String
    package var family: AddressFamily

    package init(interface: String, family: AddressFamily) {
        self.interface = interface
        self.family = family
    }
}

extension ClusterSettings {
    /// The reference that is asked by ICMP at this place among the references; nil if there is none, or this node isn't
    /// one of the cluster.
    package func echoedReference(at place: Int) -> ReferenceTarget? {
        guard ownNode != nil, let targets = references?.targets, targets.indices.contains(place),
            targets[place].tcpPort == nil
        else { return nil }
        return targets[place]
    }

    /// All references that are asked by ICMP, each with its place.
    ///
    /// - Parameter number: the cluster's place in the configuration.
    package func echoedReferences(ofCluster number: Int) -> [(place: ReferencePlace, target: ReferenceTarget)] {
        (references?.targets.indices ?? 0..<0).compactMap { place in
            echoedReference(at: place).map {
                (ReferencePlace(cluster: UInt8(number), reference: UInt8(place)), $0)
            }
        }
    }

    /// True if this node asks for an address before it claims it.
    package var asksForAddresses: Bool { ownNode != nil && probe != .off }
}

extension InstanceSettings {
    /// The link on which its first address is asked for; nil without an address, or without an interface for it.
    package var questionLink: QuestionLink? {
        guard let address = virtualAddresses.first else { return nil }
        let name = address.interface ?? interface
        return name.isEmpty ? nil : QuestionLink(interface: name, family: address.prefix.address.family)
    }
}

extension ConfigurationModel {
    /// The links on which guarded instances ask for their addresses, each with the number of an instance that does.
    package var questionLinks: [QuestionLink: Int] {
        guard clusters.contains(where: \.asksForAddresses) else { return [:] }
        var links: [QuestionLink: Int] = [:]
        for (number, place) in guardedInstances where clusters[place.cluster].asksForAddresses {
            guard let link = instances[number].questionLink else { continue }
            links[link] = min(links[link] ?? number, number)
        }
        return links
    }
}

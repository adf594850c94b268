import Base
import ConfigurationModel

/// The services of a configuration, for a look at the kernel's. hasupd's second thread makes it: it takes long with many services
/// (docs/decisions, D65).
package struct SurveyBasis: Sendable {
    /// Of the configuration.
    var number = 0
    /// By number.
    var definitions: [ServiceDefinition] = []
    /// The number of the service that each configured key belongs to.
    var owners: [ServiceKey: Int] = [:]
    /// Keys that are ours in this boot.
    var noted: Set<ServiceKey> = []

    package init() {}

    init(_ definitions: [ServiceDefinition], number: Int) {
        self.number = number
        self.definitions = definitions
        owners.reserveCapacity(definitions.reduce(0) { $0 + $1.keys.count })
        for (place, definition) in definitions.enumerated() {
            for key in definition.keys { owners[key] = place }
        }
    }

    /// Compares what the kernel has with them.
    package func survey(_ found: [ServiceKey: KernelService]) -> ServiceSurvey {
        var survey = ServiceSurvey(number: number, found: found)
        for (key, service) in found {
            if let owner = owners[key] {
                if service != definitions[owner].settings(for: key) { survey.differing.append(key) }
            } else if noted.contains(key) {
                survey.leftovers.append(key)
            } else {
                survey.foreign.append(key)
            }
        }
        survey.differing += owners.keys.filter { found[$0] == nil }
        survey.gone = noted.filter { owners[$0] == nil && found[$0] == nil }.sorted()
        // The order is the same whatever the order of the reading is.
        survey.differing.sort()
        survey.leftovers.sort()
        survey.foreign.sort()
        return survey
    }
}

/// The services that the kernel has, and what is to be said of them. Each list is sorted.
package struct ServiceSurvey: Sendable {
    /// Of the configuration that it is about.
    var number: Int
    package let found: [ServiceKey: KernelService]
    /// Configured ones that aren't there, or have other settings.
    package fileprivate(set) var differing: [ServiceKey] = []
    /// Ours of this boot that the configuration hasn't got.
    package fileprivate(set) var leftovers: [ServiceKey] = []
    /// Those of others.
    package fileprivate(set) var foreign: [ServiceKey] = []
    /// Keys of this boot that neither the configuration nor the kernel has.
    package fileprivate(set) var gone: [ServiceKey] = []

    fileprivate init(number: Int, found: [ServiceKey: KernelService]) {
        self.number = number
        self.found = found
    }
}

import Base
import Glibc

/// Paths of the run directory and the control socket: one rule for the daemon and its clients.
package enum ControlPath {
    /// The run directory of a daemon in the initial network namespace.
    package static let standardRunDirectory = "/run/hasup"
    /// The directory of `ip netns`.
    package static let namespaceDirectory = "/run/netns"
    /// The longest path that a Unix socket's address holds.
    package static let lengthMax = 107

    /// The reason there is no path.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// A sentence.
        package let description: String
    }

    /// The run directory: the given one, else the standard one, else (within the network namespace that is called this)
    /// `/run/hasup/netns-NAME`; with an instance name its subdirectory of that name. - Throws: `Failure` for a name
    /// that can't be part of a path.
    package static func runDirectory(
        explicit: String? = nil, instance: String? = nil, namespace: String? = nil
    ) throws(Failure) -> String {
        var directory = explicit ?? standardRunDirectory
        if explicit == nil, let namespace { directory += "/netns-\(namespace)" }
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        guard let instance else { return directory }
        // "netns-" would fall together with the directories of namespaces.
        if instance.isEmpty || instance.contains("/") || instance.hasPrefix(".") || instance.hasPrefix("netns-") {
            throw Failure(
                description: "'\(instance)' can't be an instance name: it may not be empty, contain '/' or begin with "
                    + "'.' or 'netns-'.")
        }
        return "\(directory)/\(instance)"
    }

    /// The control socket: the given path, else `control.sock` in the run directory. - Throws: `Failure`.
    package static func socket(
        explicit: String? = nil, runDirectory: String? = nil, instance: String? = nil, namespace: String? = nil
    ) throws(Failure) -> String {
        let path: String
        if let explicit {
            path = explicit
        } else {
            path =
                try Self.runDirectory(explicit: runDirectory, instance: instance, namespace: namespace)
                + "/control.sock"
        }
        if path.utf8.count > lengthMax {
            throw Failure(description: "The path \(path) is longer than the \(lengthMax) bytes of a socket's address.")
        }
        return path
    }

    /// The name of this process's network namespace, unless it is the initial one (that of process 1): that of `ip netns`,
    /// else its number, which lsns(8) shows.
    ///
    /// A process that may not compare the two takes an unnamed one for the initial one.
    package static func currentNamespace(
        ofProcess process: String = "/proc/self", initial: String = "/proc/1",
        among directory: String = namespaceDirectory
    ) -> String? {
        guard let own = identity("\(process)/ns/net") else { return nil }
        // `ns/net` of process 1 is shown to few, but this file is to all, and each namespace has one of its own.
        let first = identity("\(initial)/net/dev")
        let isInitial = first.map { $0 == identity("\(process)/net/dev") }
        if isInitial == true { return nil }
        return name(of: own, among: directory) ?? (isInitial == false ? "\(own.inode)" : nil)
    }

    private static func name(of namespace: FileIdentity, among directory: String) -> String? {
        guard let entries = opendir(directory) else { return nil }
        defer { closedir(entries) }
        var found: String?
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Two names for one namespace: the smaller one, so that all programs derive the same.
            if !name.hasPrefix("."), identity("\(directory)/\(name)") == namespace {
                found = min(found ?? name, name)
            }
        }
        return found
    }

    private static func identity(_ path: String) -> FileIdentity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}

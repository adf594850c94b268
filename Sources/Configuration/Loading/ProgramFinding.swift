/// A part of a program's path that users other than root may change.
package struct PathWeakness: Hashable, Sendable {
    /// A clause that names the part, its owner and its mode.
    package var text: String
    /// The only one besides root who may change it; nil when there are more.
    package var owner: UInt32?
    /// A weakness.
    package init(_ text: String, owner: UInt32? = nil) {
        self.text = text
        self.owner = owner
    }
}

/// The machine's view of a program.
package struct ProgramFinding: Hashable, Sendable {
    /// The reason it can't be run, such as `no such file`; nil when it can.
    package var obstacle: String?
    /// The parts of its path that users other than root may change, from the root on.
    package var weaknesses: [PathWeakness]
    /// A program without complaints.
    package init(obstacle: String? = nil, weaknesses: [PathWeakness] = []) {
        self.obstacle = obstacle
        self.weaknesses = weaknesses
    }

    /// The reason this user had better not run it: another one who isn't root could have written it. nil without one.
    package func weakness(forUser uid: UInt32) -> String? {
        weaknesses.first { $0.owner != uid }?.text
    }
}

import Base

/// The value of a cluster's lock (docs/decisions, D114): whoever wrote it holds the lock until its lease is over.
package struct LockValue: Hashable, Sendable {
    /// The holder's place among the cluster's nodes; nil once the holder has given the lock back.
    package var owner: UInt8?
    /// The boot nonce of the holder.
    package var nonce: UInt64
    /// The epoch of the holder's mastership.
    package var epoch: UInt64
    /// Counts the renewals.
    package var counter: UInt64

    package init(owner: UInt8?, nonce: UInt64, epoch: UInt64, counter: UInt64) {
        self.owner = owner
        self.nonce = nonce
        self.epoch = epoch
        self.counter = counter
    }
}

/// A request to the engine that keeps a lock's register.
package struct LockRequest: Hashable, Sendable {
    package enum Change: Hashable, Sendable {
        /// Read the register.
        case read
        /// Write this value if the register has this revision still.
        case exchange(expected: UInt64, LockValue)
    }

    /// Counts up with each request of the cluster; the answer repeats it.
    package var number: UInt64
    /// The guarded group whose register it is, by its place in the block.
    package var group: UInt8
    package var change: Change

    package init(number: UInt64, group: UInt8, change: Change) {
        self.number = number
        self.group = group
        self.change = change
    }
}

/// The reason a request has no result.
package enum LockFailure: UInt8, Error, Hashable, Sendable, CaseIterable {
    /// The engine can't be reached.
    case unreachable = 0
    /// The engine grants nothing for some time after its start.
    case starting = 1
    /// The engine refuses us.
    case refused = 2
    /// The answer, or the register's value, isn't one of ours.
    case malformed = 3
}

/// The answer to a request.
package struct LockAnswer: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        /// The register as it is now. Its revision changes with each write; 0 before the first.
        case register(revision: UInt64, LockValue?, isWritten: Bool)
        case failed(LockFailure)
    }

    package var number: UInt64
    package var group: UInt8
    package var result: Result

    package init(number: UInt64, group: UInt8, result: Result) {
        self.number = number
        self.group = group
        self.result = result
    }
}

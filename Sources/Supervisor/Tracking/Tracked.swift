import Base

/// A definition that hasup-track watches.
struct Tracked<Definition> {
    /// Its number in the generation (`SharedObjects.trackedObjectCount`).
    let number: UInt32
    let definition: Definition
    /// The last verdict on it.
    let verdict: TrackerVerdict
}

/// Called with what has become of an object: its number, and what is known of it from now on.
typealias VerdictHandler = (UInt32, TrackerVerdict) -> Void

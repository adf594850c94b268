import Base

/// A refusal of the configuration's files: since then an older configuration stays in force.
struct RefusedConfiguration {
    let at: Instant
    let wallNanoseconds: Int64
    let reason: String
}

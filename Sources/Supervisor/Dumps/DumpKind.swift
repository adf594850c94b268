import Glibc
import WorkerProtocol

/// A kind of files that keepalived writes at a signal, and hasupd too (docs/decisions, D51).
enum DumpKind: String, CaseIterable {
    /// Configuration and state in words: keepalived.data, and keepalived_parent.data with global_defs alone.
    case data
    /// Counters: keepalived.stats.
    case statistics
    /// Settings, state and counters: keepalived.json.
    case json
}

/// A signal that operators and monitoring send to hasupd, as keepalived names and numbers it.
struct NamedSignal {
    let name: String
    let number: Int32
    /// The dump that it asks for; nil for one that asks for something else.
    let dump: (kind: DumpKind, reset: CounterReset)?

    /// keepalived's names, for `--signum`.
    static let all = [
        NamedSignal(name: "STOP", number: SIGTERM, dump: nil),
        NamedSignal(name: "RELOAD", number: SIGHUP, dump: nil),
        NamedSignal(name: "DATA", number: SIGUSR1, dump: (.data, .none)),
        NamedSignal(name: "STATS", number: SIGUSR2, dump: (.statistics, .none)),
        NamedSignal(name: "STATS_CLEAR", number: __libc_current_sigrtmax() - 1, dump: (.statistics, .all)),
        NamedSignal(name: "JSON", number: __libc_current_sigrtmin() + 2, dump: (.json, .none)),
    ]
}

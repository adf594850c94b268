import Base
import ConfigurationModel

// Rows of cluster blocks, which no keepalived knows (docs/decisions, D100). A table: one row a line, so the formatter
// keeps off.
extension KeywordList {
    // swift-format-ignore
    static let cluster = KeywordList { r in
        r.row("secret", .words("file:PATH"), default: "required", traits: [.own, .secret], .acts, "file with the keys of the heartbeats, one a line: NUMBER BASE64") { $0.clusterSecret($1) }
        r.seconds("interval", micros(Limits.heartbeatInterval), default: "0.1", traits: .own, .acts, "from one heartbeat to the next", \.cluster.settings.interval)
        r.row("timeout", .seconds(micros(Limits.heartbeatTimeout)), default: "1", note: "three intervals or more", traits: .own, .acts, "silence after which a node may be replaced") { $0.clusterTimeout($1) }
        r.row("node", .block(.clusterNode, "NAME block"), note: "2 to 8, in the same order on all nodes", traits: .own, .acts, "a node; this machine's has its config-id, else its host name, as its name") { $0.clusterNode($1) }
        r.row("references", .block(.references), default: "none", traits: .own, .typed, "addresses whose answers show that a node is connected") { $0.references($1) }
        r.row("probe", .words("hold [SECONDS] | off"), default: "hold", traits: .own, .typed, "while an address answers that is to be claimed: wait for ever, for so long, or don't ask") { $0.probe($1) }
        r.row("release", .block(.release), default: "none", traits: .own, .acts, "script that has to end before a group that was MASTER here counts as released") { $0.release($1) }
        r.row("lock", .block(.lock), default: "none", traits: .own, .typed, "register outside of the nodes that decides between those that don't hear each other") { $0.lock($1) }
        r.row("cold_start", .words("claim [SECONDS] | wait"), default: "claim 30", traits: .own, .acts, "when a node has heard no other since its start, and nothing proves that the others are off") { $0.coldStart($1) }
        r.row("guard", .words("NAME..."), default: "required", note: "48 at most", traits: [.own, .repeatable], .acts, "instances and sync groups that are guarded, each by a decision of its own") { $0.guarded($1) }
    }

    // swift-format-ignore
    static let clusterNode = KeywordList { r in
        r.row("heartbeat", .words("NAME udp ADDR dev IF [port N] | NAME multicast GROUP dev IF [port N] | NAME serial DEVICE [SPEED]"), default: "none; port 7112, SPEED 115200", traits: [.own, .repeatable], .acts, "a way on which the node is heard; those of one name are connected. A serial line connects two nodes") { $0.heartbeat($1) }
        r.flag("unguarded", traits: .own, .acts, "a keepalived or a router, which sends no heartbeats", \.cluster.node.isUnguarded)
    }

    // swift-format-ignore
    static let references = KeywordList { r in
        r.row(KeywordRow.addressEntry, .words("ADDR dev IF [tcp PORT]"), default: "required", traits: .own, .typed, "an address that is asked by ICMP, or by a TCP connection to PORT") { $0.reference($1) }
        r.row("require", .integer(1...Limits.references), default: "1", note: "as many as there are at most", traits: .own, .typed, "as many have to answer") { $0.requiredReferences($1) }
        r.seconds("interval", micros(Limits.referenceTime), default: "0.2", traits: .own, .typed, "from one request to the next", \.cluster.references.interval)
        r.seconds("timeout", micros(Limits.referenceTime), default: "0.2", traits: .own, .typed, "time in which an answer counts", \.cluster.references.timeout)
        r.integer("losses", Limits.referenceLosses, default: "3", traits: .own, .typed, "requests in a row without an answer that make an address lost", \.cluster.references.losses)
        r.row("on_lost", .words("release|hold"), default: "release", traits: .own, .typed, "what a MASTER does that has lost them and hears no node") { $0.lostReferences($1) }
    }

    // swift-format-ignore
    static let release = KeywordList { r in
        r.row("script", .command, default: "required", traits: .own, .acts, "run when the addresses are gone, also after a fault. It has to end by itself; its exit status doesn't matter") { $0.releaseScript($1) }
        r.seconds("timeout", micros(Limits.releaseTime), default: "1", traits: .own, .acts, "time that it may take; then it is killed, which counts as not released: no other node becomes MASTER while this one is heard", \.cluster.release.timeout)
    }

    // swift-format-ignore
    static let lock = KeywordList { r in
        r.row("etcd", .words("URL... [ca FILE] [cert FILE key FILE]"), default: "one engine is required", note: "http or https with numeric addresses", traits: .own, .typed, "the lock is a key of etcd, written by compare-and-set") { $0.lockOfEtcd($1) }
        r.row("witness", .words("ADDR [port N]"), default: "port 7113", traits: .own, .typed, "the lock is kept by a hasupd --witness on a third machine") { $0.lockOfWitness($1) }
        r.row("sanlock", .words("LOCKSPACE"), traits: .own, .typed, "the lock is a resource of sanlock") { $0.lockOfSanlock($1) }
        r.row("file", .words("PATH [unfenced]"), traits: .own, .typed, "the lock is a file on a shared disk; unfenced: nothing keeps a frozen holder from that disk") { $0.lockOfFile($1) }
        r.row("mode", .words("smart|always"), default: "smart", traits: .own, .typed, "taken only when a node isn't heard, or for each claim") { $0.lockMode($1) }
        r.row("ttl", .seconds(micros(Limits.lockTime)), default: "5; required for etcd", traits: .own, .typed, "time for which it is held after its last renewal") { $0.lockTime($1) }
        r.row("unreachable", .words("auto|stay|release"), default: "auto", note: "auto: stay with references, release without", traits: .own, .typed, "what a MASTER does that hears neither the other node nor the lock") { $0.unreachableLock($1) }
    }
}

extension KeywordRow {
    /// The row of an address among the keywords of a block.
    static let addressEntry = "(address)"
}

/// Limits as the rows of seconds have them.
private func micros(_ limits: ClosedRange<Interval>) -> ClosedRange<Int64> {
    limits.lowerBound.nanoseconds / 1_000...limits.upperBound.nanoseconds / 1_000
}

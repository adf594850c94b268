import Base
import Varlink

// How transitions and observations cross a process boundary; status has its list in Status.swift. Both ends are of one build
// (docs/decisions, D7), so there is no version in them; but the bytes aren't trusted.

extension ByteWriter {
    mutating func write(text: String) { text.encode(into: &self) }
}

extension ByteReader {
    mutating func readText() throws(ByteError) -> String { try String(decoding: &self) }

    /// Reads an age that can be calculated with.
    mutating func readAge() throws(ByteError) -> Interval {
        let age = try readInterval()
        guard (0..<(1 << 61)).contains(age.nanoseconds) else { throw .invalid }
        return age
    }

    mutating func readInstant() throws(ByteError) -> Instant { Instant(nanoseconds: try readInt64()) }
    mutating func readPriority() throws(ByteError) -> Priority { Priority(rawValue: try readUInt8()) }

    mutating func readState() throws(ByteError) -> RouterState { try readCase(RouterState.self) }
}

extension Fault: ByteCoded {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .configuration:
            writer.write(UInt8(0))
        case .interfaceMissing(let name):
            writer.write(UInt8(1))
            writer.write(text: name)
        case .interfaceDown(let name):
            writer.write(UInt8(2))
            writer.write(text: name)
        case .trackedInterfaceDown(let name):
            writer.write(UInt8(3))
            writer.write(text: name)
        case .noSourceAddress(let name):
            writer.write(UInt8(4))
            writer.write(text: name)
        case .sourceAddressMissing(let address):
            writer.write(UInt8(5))
            writer.write(tagged: address)
        case .addressInterfaceDown(let name):
            writer.write(UInt8(6))
            writer.write(text: name)
        case .addressesUnusable(let address, let code):
            writer.write(UInt8(7))
            writer.write(tagged: address)
            writer.write(UInt32(bitPattern: code))
        case .trackedInterfaceUp(let name):
            writer.write(UInt8(8))
            writer.write(text: name)
        case .trackerDown(let key):
            writer.write(UInt8(9))
            key.encode(into: &writer)
        case .trackerUp(let key):
            writer.write(UInt8(10))
            key.encode(into: &writer)
        case .fileNumber(let name, let number):
            writer.write(UInt8(11))
            writer.write(text: name)
            number.encode(into: &writer)
        case .memberFault(let name, let group):
            writer.write(UInt8(12))
            writer.write(text: name)
            writer.write(text: group)
        }
    }

    /// Reads what `encode` wrote. - Throws: `ByteError`.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .configuration
        case 1: self = .interfaceMissing(try reader.readText())
        case 2: self = .interfaceDown(try reader.readText())
        case 3: self = .trackedInterfaceDown(try reader.readText())
        case 4: self = .noSourceAddress(try reader.readText())
        case 5: self = .sourceAddressMissing(try reader.readTaggedAddress())
        case 6: self = .addressInterfaceDown(try reader.readText())
        case 7:
            self = .addressesUnusable(
                try reader.readTaggedAddress(), code: Int32(bitPattern: try reader.readUInt32()))
        case 8: self = .trackedInterfaceUp(try reader.readText())
        case 9: self = .trackerDown(try TrackerKey(decoding: &reader))
        case 10: self = .trackerUp(try TrackerKey(decoding: &reader))
        case 11:
            let name = try reader.readText()
            self = .fileNumber(name, try Int32(decoding: &reader))
        case 12:
            let name = try reader.readText()
            self = .memberFault(name, group: try reader.readText())
        default: throw .invalid
        }
    }
}

extension NamedAddress {
    func encode(into writer: inout ByteWriter) {
        writer.write(prefix)
        writer.write(text: interface)
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        self.init(try reader.readPrefix(), interface: try reader.readText())
    }

    /// The first ones of a list, and how many it has.
    fileprivate static func encode(_ list: [NamedAddress], count: Int, into writer: inout ByteWriter) {
        let named = list.prefix(namedMax)
        writer.write(UInt8(named.count))
        named.forEach { $0.encode(into: &writer) }
        writer.write(UInt32(clamping: count))
    }

    fileprivate static func readList(from reader: inout ByteReader) throws(ByteError) -> ([NamedAddress], count: Int) {
        let named = Int(try reader.readUInt8())
        guard (1...namedMax).contains(named) else { throw .invalid }
        var list: [NamedAddress] = []
        for _ in 0..<named { list.append(try NamedAddress(from: &reader)) }
        let count = Int(try reader.readUInt32())
        guard count >= named else { throw .invalid }
        return (list, count)
    }
}

extension TransitionReason {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .started: writer.write(UInt8(0))
        case .addressOwner: writer.write(UInt8(1))
        case .masterDown: writer.write(UInt8(2))
        case .masterReleased: writer.write(UInt8(3))
        case .preempted: writer.write(UInt8(4))
        case .higherPriority: writer.write(UInt8(5))
        case .equalPriorityHigherAddress: writer.write(UInt8(6))
        case .fault(let fault):
            writer.write(UInt8(7))
            fault.encode(into: &writer)
        case .recovered: writer.write(UInt8(8))
        case .addressRemoved(let address):
            writer.write(UInt8(9))
            writer.write(tagged: address)
        case .reconfigured: writer.write(UInt8(10))
        case .stopped: writer.write(UInt8(11))
        case .interrupted: writer.write(UInt8(12))
        case .syncGroup(let member, let group):
            writer.write(UInt8(13))
            writer.write(text: member)
            writer.write(text: group)
        case .resigned: writer.write(UInt8(14))
        case .notTakenOver: writer.write(UInt8(15))
        case .maintenance: writer.write(UInt8(16))
        case .raised: writer.write(UInt8(17))
        case .hookFailed: writer.write(UInt8(18))
        case .guarded(let why):
            writer.write(UInt8(19))
            why.encode(into: &writer)
        case .leaseEnded: writer.write(UInt8(20))
        }
    }

    init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .started
        case 1: self = .addressOwner
        case 2: self = .masterDown
        case 3: self = .masterReleased
        case 4: self = .preempted
        case 5: self = .higherPriority
        case 6: self = .equalPriorityHigherAddress
        case 7: self = .fault(try Fault(decoding: &reader))
        case 8: self = .recovered
        case 9: self = .addressRemoved(try reader.readTaggedAddress())
        case 10: self = .reconfigured
        case 11: self = .stopped
        case 12: self = .interrupted
        case 13:
            let member = try reader.readText()
            self = .syncGroup(member: member, group: try reader.readText())
        case 14: self = .resigned
        case 15: self = .notTakenOver
        case 16: self = .maintenance
        case 17: self = .raised
        case 18: self = .hookFailed
        case 19: self = .guarded(try GuardRelease(decoding: &reader))
        case 20: self = .leaseEnded
        default: throw .invalid
        }
    }
}

extension Transition: ByteCoded {
    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(instance))
        writer.write(from.rawValue)
        writer.write(to.rawValue)
        reason.encode(into: &writer)
        writer.write(optional: peer) { $0.write(tagged: $1) }
        writer.write(optional: peerPriority) { $0.write($1.rawValue) }
        writer.write(ownPriority.rawValue)
        writer.write(optional: lastAdvertAge) { $0.write($1.nanoseconds) }
    }

    /// Reads what `encode` wrote. - Throws: `ByteError`.
    package init(decoding reader: inout ByteReader) throws(ByteError) {
        self.init(
            instance: Int(try reader.readUInt32()), from: try reader.readState(), to: try reader.readState(),
            reason: try TransitionReason(from: &reader),
            peer: try reader.readOptional { reader throws(ByteError) in try reader.readTaggedAddress() },
            peerPriority: try reader.readOptional { reader throws(ByteError) in try reader.readPriority() },
            ownPriority: try reader.readPriority(),
            lastAdvertAge: try reader.readOptional { reader throws(ByteError) in try reader.readAge() })
    }
}

extension RivalMaster.Sign: ByteCoded {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .lowerPriority(let priority):
            writer.write(UInt8(0))
            writer.write(priority.rawValue)
        case .discarded(let reason, let detail):
            writer.write(UInt8(1))
            writer.write(reason.rawValue)
            writer.write(detail)
        }
    }

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .lowerPriority(try reader.readPriority())
        case 1:
            guard let reason = DiscardReason(rawValue: try reader.readUInt8()) else { throw .invalid }
            self = .discarded(reason, detail: try reader.readUInt32())
        default: throw .invalid
        }
    }
}

extension ByteWriter {
    /// The head of an observation about an instance.
    fileprivate mutating func write(kind: UInt8, of instance: InstanceID) {
        write(kind)
        write(UInt32(instance))
    }

    /// An observation about a node of a cluster.
    fileprivate mutating func write(node: String, of cluster: String, isHeard: Bool) {
        write(UInt8(17))
        write(text: node)
        write(text: cluster)
        write(isHeard)
    }
}

extension Observation {
    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .transition(let transition):
            writer.write(UInt8(0))
            transition.encode(into: &writer)
        case .discarded(let instance, let reason, let source, let detail):
            writer.write(UInt8(1))
            writer.write(optional: instance) { $0.write(UInt32($1)) }
            writer.write(reason.rawValue)
            writer.write(tagged: source)
            writer.write(detail)
        case .accepted(let instance, let remark, let source):
            writer.write(kind: 2, of: instance)
            writer.write(remark.rawValue)
            writer.write(tagged: source)
        case .stalled(let interval):
            writer.write(UInt8(3))
            writer.write(interval.nanoseconds)
        case .kernelFailure(let instance, let sentence):
            writer.write(kind: 4, of: instance)
            writer.write(text: sentence)
        case .addressRemoved(let instance, let address, let count):
            writer.write(kind: 5, of: instance)
            writer.write(tagged: address)
            writer.write(UInt32(clamping: count))
        case .addressWaits(let instance, let prefix, let interface):
            writer.write(kind: 6, of: instance)
            writer.write(prefix)
            writer.write(text: interface)
        case .earlier(let transition, let time):
            writer.write(UInt8(7))
            transition.encode(into: &writer)
            writer.write(time.nanoseconds)
        case .foreignAddressFound(let instance, let address):
            writer.write(kind: 8, of: instance)
            address.encode(into: &writer)
        case .foreignAddressGone(let instance, let address):
            writer.write(kind: 10, of: instance)
            address.encode(into: &writer)
        case .rivalMaster(let instance, let source, let sign):
            writer.write(kind: 9, of: instance)
            writer.write(tagged: source)
            sign.encode(into: &writer)
        case .addressesStay(let instance, let addresses, let count):
            writer.write(kind: 11, of: instance)
            NamedAddress.encode(addresses, count: count, into: &writer)
        case .staleAddressesRemoved(let addresses, let count, let mark):
            writer.write(UInt8(12))
            NamedAddress.encode(addresses, count: count, into: &writer)
            writer.write(mark)
        case .addressesUnadvertised(let instance, let count):
            writer.write(kind: 13, of: instance)
            writer.write(UInt32(clamping: count))
        case .priorityChanged(let instance, let former, let priority):
            writer.write(kind: 14, of: instance)
            writer.write(former.rawValue)
            writer.write(priority.rawValue)
        case .order(let number, let outcome):
            writer.write(UInt8(15))
            writer.write(number)
            outcome.encode(into: &writer)
        case .takeoverHeld(let instance, let hold):
            writer.write(kind: 16, of: instance)
            hold.encode(into: &writer)
        case .clusterNode(let node, let cluster, let isHeard):
            writer.write(node: node, of: cluster, isHeard: isHeard)
        }
    }

    /// Reads what `encode` wrote. - Throws: `ByteError`.
    package init(from reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .transition(try Transition(decoding: &reader))
        case 1:
            let instance = try reader.readOptional { reader throws(ByteError) in Int(try reader.readUInt32()) }
            guard let reason = DiscardReason(rawValue: try reader.readUInt8()) else { throw .invalid }
            self = .discarded(
                instance, reason, source: try reader.readTaggedAddress(), detail: try reader.readUInt32())
        case 2:
            let instance = Int(try reader.readUInt32())
            guard let remark = Anomaly(rawValue: try reader.readUInt8()) else { throw .invalid }
            self = .accepted(instance, remark, source: try reader.readTaggedAddress())
        case 3: self = .stalled(try reader.readInterval())
        case 4: self = .kernelFailure(Int(try reader.readUInt32()), try reader.readText())
        case 5:
            self = .addressRemoved(
                Int(try reader.readUInt32()), try reader.readTaggedAddress(), count: Int(try reader.readUInt32()))
        case 6:
            let instance = Int(try reader.readUInt32())
            self = .addressWaits(instance, try reader.readPrefix(), interface: try reader.readText())
        case 7: self = .earlier(try Transition(decoding: &reader), at: try reader.readInstant())
        case 8: self = .foreignAddressFound(Int(try reader.readUInt32()), try ForeignAddress(decoding: &reader))
        case 9:
            self = .rivalMaster(
                Int(try reader.readUInt32()), source: try reader.readTaggedAddress(),
                try RivalMaster.Sign(decoding: &reader))
        case 10: self = .foreignAddressGone(Int(try reader.readUInt32()), try NamedAddress(from: &reader))
        case 11:
            let instance = Int(try reader.readUInt32())
            let (addresses, count) = try NamedAddress.readList(from: &reader)
            self = .addressesStay(instance, addresses, count: count)
        case 12:
            let (addresses, count) = try NamedAddress.readList(from: &reader)
            self = .staleAddressesRemoved(addresses, count: count, addedBy: try reader.readUInt8())
        case 13:
            self = .addressesUnadvertised(Int(try reader.readUInt32()), count: Int(try reader.readUInt32()))
        case 14:
            self = .priorityChanged(
                Int(try reader.readUInt32()), from: try reader.readPriority(), to: try reader.readPriority())
        case 15: self = .order(try reader.readUInt64(), try OrderOutcome(decoding: &reader))
        case 16: self = .takeoverHeld(Int(try reader.readUInt32()), try GuardHold(decoding: &reader))
        case 17:
            let node = try reader.readText()
            self = .clusterNode(node, of: try reader.readText(), isHeard: try reader.readBool())
        default: throw .invalid
        }
    }
}

import Base

// What few instances say, in bytes. Each reader stands below its writer.

extension ByteWriter {
    package mutating func write(_ link: VirtualLink) {
        switch link.kind {
        case .vmac(let address):
            write(UInt8(1))
            write(optional: address) { $0.write($1.bits) }
        case .ipvlan(let mode, let address):
            write(UInt8(2))
            write(mode.rawValue)
            write(optional: address)
        }
        write(optional: link.name)
        write(optional: link.group)
        write(link.sendsNotifyMessage)
    }

    package mutating func write(_ hmac: HMACSettings) {
        write(list: hmac.keys) { writer, key in
            writer.write(key.id)
            writer.write(list: key.secret) { $0.write($1) }
        }
        write(hmac.activeKey)
        write(hmac.window)
        write(hmac.freshness.rawValue)
        write(hmac.mode.rawValue)
    }

    package mutating func write(_ settings: UncommonSettings) {
        write(optional: settings.vrf)
        write(optional: settings.link) { $0.write($1) }
        write(optional: settings.hmac) { $0.write($1) }
        write(optional: settings.headerKey) { writer, key in writer.write(list: key) { $0.write($1) } }
        write(optional: settings.extraAnnouncements) { writer, extra in
            writer.write(extra.interval)
            writer.write(extra.onAll)
        }
        write(optional: settings.lateTimerPriority?.rawValue)
        write(optional: settings.receiveBuffer)
        write(optional: settings.faultLocation) { $0.write($1) }
    }
}

extension ByteReader {
    private mutating func readSecret() throws(ByteError) -> [UInt8] {
        try readList { reader throws(ByteError) in try reader.readUInt8() }
    }

    private mutating func readMACAddress() throws(ByteError) -> MACAddress {
        let bits = try readUInt64()
        guard bits >> 48 == 0 else { throw .invalid }
        return MACAddress(bits: bits)
    }

    private mutating func readLink() throws(ByteError) -> VirtualLink {
        let kind: VirtualLink.Kind
        switch try readUInt8() {
        case 1: kind = .vmac(address: try readOptional { reader throws(ByteError) in try reader.readMACAddress() })
        case 2: kind = .ipvlan(mode: try readCase(VirtualLink.IPVLANMode.self), address: try readOptionalPrefix())
        default: throw .invalid
        }
        var link = VirtualLink(kind: kind)
        link.name = try readOptionalString()
        link.group = try readOptionalUInt32()
        link.sendsNotifyMessage = try readBool()
        return link
    }

    private mutating func readHMAC() throws(ByteError) -> HMACSettings {
        var hmac = HMACSettings()
        hmac.keys = try readList { reader throws(ByteError) in
            HMACSettings.Key(id: try reader.readUInt8(), secret: try reader.readSecret())
        }
        hmac.activeKey = try readUInt8()
        hmac.window = try readInterval()
        hmac.freshness = try readCase(HMACSettings.Freshness.self)
        hmac.mode = try readCase(HMACSettings.Mode.self)
        guard hmac.keys.contains(where: { $0.id == hmac.activeKey }),
            hmac.keys.allSatisfy({ Limits.hmacKey.contains($0.secret.count) })
        else { throw .invalid }
        return hmac
    }

    package mutating func readUncommon() throws(ByteError) -> UncommonSettings {
        var settings = UncommonSettings()
        settings.vrf = try readOptionalString()
        settings.link = try readOptional { reader throws(ByteError) in try reader.readLink() }
        settings.hmac = try readOptional { reader throws(ByteError) in try reader.readHMAC() }
        settings.headerKey = try readOptional { reader throws(ByteError) in try reader.readSecret() }
        guard settings.headerKey?.count ?? 16 == 16 else { throw .invalid }
        settings.extraAnnouncements = try readOptional { reader throws(ByteError) in
            ExtraAnnouncements(interval: try reader.readInterval(), onAll: try reader.readBool())
        }
        settings.lateTimerPriority = try readOptionalUInt8().map { Priority(rawValue: $0) }
        settings.receiveBuffer = try readOptional { reader throws(ByteError) in try reader.readInt(Limits.buffer) }
        settings.faultLocation = try readOptional { reader throws(ByteError) in try reader.readLocation() }
        return settings
    }

    package mutating func readOptions() throws(ByteError) -> InstanceOptions {
        let options = InstanceOptions(rawValue: try readUInt32())
        guard options.isSubset(of: .all) else { throw .invalid }
        return options
    }
}

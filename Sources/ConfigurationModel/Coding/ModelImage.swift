import Base

/// The binary form in which a model goes from the parser to the daemon and its workers (docs/decisions, D6).
///
/// Header: magic, version, numbers of instances and of virtual servers, ignored settings, smallest advert_int, longest time of a
/// before_release, whether there are scripts; then one offset for each instance and a last one for the end of the instances; then the globals and all else
/// that belongs to no instance; then the instances. All numbers are in network order.
package enum ModelFormat {
    /// "hasC"
    package static let magic: UInt32 = 0x6861_7343
    package static let version: UInt16 = 6
    /// Bytes before the offset table.
    package static let headerLength = 4 + 2 + 4 + 4 + 8 + 8 + 8 + 1
    /// More than any network needs; a hostile count is refused before anything is allocated.
    package static let maximumInstances = 1 << 20
}

extension ConfigurationModel {
    /// The model in bytes.
    package func encode() -> [UInt8] {
        var common = ByteWriter()
        write(to: &common)
        var bodies = ByteWriter(capacity: instances.count * 256)
        let first = ModelFormat.headerLength + (instances.count + 1) * 4 + common.bytes.count
        var offsets: [UInt32] = []
        offsets.reserveCapacity(instances.count + 1)
        for instance in instances {
            offsets.append(UInt32(first + bodies.bytes.count))
            instance.write(to: &bodies)
        }
        offsets.append(UInt32(first + bodies.bytes.count))
        var writer = ByteWriter(capacity: first + bodies.bytes.count)
        writer.write(ModelFormat.magic)
        writer.write(ModelFormat.version)
        writer.write(UInt32(instances.count))
        writer.write(UInt32(virtualServers.count))
        writer.write(Int64(ignoredSettings))
        writer.write(smallestAdvertInterval?.nanoseconds ?? -1)
        writer.write(releaseTime.nanoseconds)
        writer.write(hasScripts)
        for offset in offsets { writer.write(offset) }
        writer.write(common.bytes)
        writer.write(bodies.bytes)
        return writer.bytes
    }
}

/// A model in bytes that a stranger may have written: the header is validated at once, the rest when it is asked for.
/// It must not outlive the buffer.
package struct EncodedModel {
    /// The form of the encoding.
    package static var formatVersion: Int { Int(ModelFormat.version) }
    private let bytes: UnsafeRawBufferPointer
    package let instanceCount: Int
    package let virtualServerCount: Int
    /// Settings without effect.
    package let ignoredSettings: Int
    /// The smallest advert_int; nil without instances.
    package let smallestAdvertInterval: Interval?
    /// The longest time that a before_release may take.
    package let releaseTime: Interval
    package let hasScripts: Bool
    private let commonOffset: Int

    /// Validates the header and the offset table. - Throws: `truncated`, `trailing`, `invalid`.
    package init(_ bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt32() == ModelFormat.magic, try reader.readUInt16() == ModelFormat.version else {
            throw .invalid
        }
        instanceCount = Int(try reader.readUInt32())
        virtualServerCount = Int(try reader.readUInt32())
        ignoredSettings = try Int(from: &reader)
        let smallest = try reader.readInt64()
        smallestAdvertInterval = smallest < 0 ? nil : Interval(nanoseconds: smallest)
        releaseTime = try Interval(decoding: &reader)
        hasScripts = try reader.readBool()
        guard releaseTime <= Limits.hookTimeout.upperBound + Limits.releaseTime.upperBound else { throw .invalid }
        guard instanceCount <= ModelFormat.maximumInstances, ignoredSettings >= 0 else { throw .invalid }
        guard (instanceCount + 1) * 4 <= reader.remaining else { throw .truncated }
        commonOffset = ModelFormat.headerLength + (instanceCount + 1) * 4
        var last = commonOffset
        for _ in 0...instanceCount {
            let offset = Int(try reader.readUInt32())
            guard offset >= last else { throw .invalid }
            last = offset
        }
        guard last <= bytes.count else { throw .truncated }
        guard last == bytes.count else { throw .trailing }
        self.bytes = bytes
    }

    /// The beginning of an instance; the place after the last one for the count itself. The table was validated.
    private func offset(_ index: Int) throws(ByteError) -> Int {
        var reader = ByteReader(bytes)
        _ = try reader.readView(ModelFormat.headerLength + index * 4)
        return Int(try reader.readUInt32())
    }

    private func body(_ range: Range<Int>) -> ByteReader { ByteReader(UnsafeRawBufferPointer(rebasing: bytes[range])) }

    /// Decodes global_defs, which comes first. - Throws: `truncated`, `invalid`.
    package func global() throws(ByteError) -> GlobalSettings {
        var reader = body(commonOffset..<(try offset(0)))
        return try GlobalSettings(from: &reader)
    }

    /// Decodes what instances share. - Throws: `truncated`, `invalid`.
    package func shared() throws(ByteError) -> SharedObjects {
        var reader = body(commonOffset..<(try offset(0)))
        _ = try GlobalSettings(from: &reader)
        return try SharedObjects(from: &reader)
    }

    /// Decodes everything but the instances. - Throws: `truncated`, `trailing`, `invalid`.
    package func withoutInstances() throws(ByteError) -> ConfigurationModel {
        var reader = body(commonOffset..<(try offset(0)))
        let model = try ConfigurationModel(from: &reader)
        try reader.finish()
        return model
    }

    /// Decodes one instance and no other. - Throws: `invalid` for a number that isn't below `instanceCount`, and what
    /// its bytes deserve.
    package func instance(at index: Int) throws(ByteError) -> InstanceSettings {
        guard (0..<instanceCount).contains(index) else { throw .invalid }
        var reader = body(try offset(index)..<(try offset(index + 1)))
        let instance = try InstanceSettings(from: &reader)
        try reader.finish()
        return instance
    }

    /// Decodes the name of one instance, with which its bytes begin. - Throws: as `instance(at:)`.
    package func name(at index: Int) throws(ByteError) -> String {
        guard (0..<instanceCount).contains(index) else { throw .invalid }
        var reader = body(try offset(index)..<(try offset(index + 1)))
        return try String(from: &reader)
    }

    /// Decodes everything. - Throws: `truncated`, `trailing`, `invalid`.
    package func decode() throws(ByteError) -> ConfigurationModel {
        var reader = body(commonOffset..<(try offset(0)))
        var model = try ConfigurationModel(from: &reader)
        try reader.finish()
        model.ignoredSettings = ignoredSettings
        model.instances.reserveCapacity(instanceCount)
        for index in 0..<instanceCount {
            var instance = try instance(at: index)
            // Thousands of instances of one file keep its name once.
            if let file = model.instances.last?.location.file, file == instance.location.file {
                instance.location.file = file
            }
            model.instances.append(instance)
        }
        // The header repeats what the rest says so that readers needn't decode it; both must agree.
        guard model.smallestAdvertInterval == smallestAdvertInterval, model.hasScripts == hasScripts,
            model.releaseTime == releaseTime,
            model.virtualServers.count == virtualServerCount
        else { throw .invalid }
        // Readers take members as indices.
        let members = model.shared.syncGroups.flatMap(\.members) + model.shared.trackGroups.flatMap(\.members)
        guard members.allSatisfy(model.instances.indices.contains) else { throw .invalid }
        return model
    }
}

import Base
import Reactor

/// A configuration as the role `hasup-config` hands it to hasupd: one sealed memfd with the verdict, the diagnostics, what differs from the
/// configuration that runs, and the encoded model (docs/decisions, D6). The VRRP worker, hasup-track and the checker are handed others,
/// with their parts of the model and nothing else. The contents are encoded by the Configuration room.
package final class ConfigurationImage {
    private static let magic: UInt32 = 0x6861_7364
    private static let headSize = 21

    /// Sections that not every image has.
    private struct Sections: OptionSet {
        let rawValue: UInt8
        static let text = Sections(rawValue: 1)
        static let credentials = Sections(rawValue: 2)
    }

    /// True if a start may go on with it: at least one valid block was found.
    package let canStart: Bool
    /// True if the main file could be read.
    package let isReadable: Bool
    /// True if a reload must refuse it.
    package let hasErrors: Bool
    /// True if files of it could be read only by the right to read what belongs to others (CAP_DAC_READ_SEARCH).
    package let needsReadRight: Bool
    package let diagnostics: UnsafeRawBufferPointer
    /// The changes that a reload would make, as JSON of `ReloadReport`; empty when nobody asked or it is refused.
    package let difference: UnsafeRawBufferPointer
    package let model: UnsafeRawBufferPointer
    /// The configuration as one text without includes and definitions; empty unless config_save_dir wants it.
    package let text: UnsafeRawBufferPointer
    /// In the part for the checker: encoded `TLSCredentials`; empty where SSL names no file.
    package let credentials: UnsafeRawBufferPointer
    /// The image for the VRRP worker.
    package var part: ConfigurationImage?
    /// The image for hasup-track.
    package var trackingPart: ConfigurationImage?
    /// The image for the checker.
    package var servicesPart: ConfigurationImage?
    private let memory: MappedMemory

    /// The memfd's number, to hand it over.
    package var number: Int32 { memory.number }

    /// Opens a memfd. - Throws: `ImageError` when it isn't sealed or not of this form.
    package init(_ descriptor: consuming Descriptor) throws(ImageError) {
        do throws(SystemError) {
            memory = try MappedMemory(sealed: descriptor)
        } catch {
            throw .system(error)
        }
        do throws(ByteError) {
            var reader = ByteReader(memory.bytes)
            guard try reader.readUInt32() == Self.magic else { throw .invalid }
            canStart = try reader.readBool()
            hasErrors = try reader.readBool()
            isReadable = try reader.readBool()
            needsReadRight = try reader.readBool()
            let sections = Sections(rawValue: try reader.readUInt8())
            guard sections.isSubset(of: [.text, .credentials]) else { throw .invalid }
            let diagnosticsSize = Int(try reader.readUInt32())
            let differenceSize = Int(try reader.readUInt32())
            let modelSize = Int(try reader.readUInt32())
            let textSize = sections.contains(.text) ? Int(try reader.readUInt32()) : 0
            let credentialsSize = sections.contains(.credentials) ? Int(try reader.readUInt32()) : 0
            diagnostics = try reader.readView(diagnosticsSize)
            difference = try reader.readView(differenceSize)
            model = try reader.readView(modelSize)
            text = try reader.readView(textSize)
            credentials = try reader.readView(credentialsSize)
            try reader.finish()
        } catch {
            throw .malformed(error)
        }
    }

    /// A sealed memfd with a process's part of a model. - Throws: `SystemError`.
    package static func make(part model: [UInt8], credentials: [UInt8] = []) throws(SystemError) -> Descriptor {
        try make(
            canStart: true, isReadable: true, hasErrors: false, diagnostics: [], difference: [], model: model,
            credentials: credentials)
    }

    /// A sealed memfd with a verdict. - Throws: `SystemError`.
    package static func make(
        canStart: Bool, isReadable: Bool, hasErrors: Bool, needsReadRight: Bool = false, diagnostics: [UInt8],
        difference: [UInt8], model: [UInt8], text: [UInt8] = [], credentials: [UInt8] = []
    ) throws(SystemError) -> Descriptor {
        var writer = ByteWriter(
            capacity: headSize + 8 + diagnostics.count + difference.count + model.count + text.count
                + credentials.count)
        writer.write(magic)
        writer.write(canStart)
        writer.write(hasErrors)
        writer.write(isReadable)
        writer.write(needsReadRight)
        // Where there is none the bytes are what they were before there could be one, so that an older hasupd reads
        // them.
        var sections: Sections = []
        if !text.isEmpty { sections.insert(.text) }
        if !credentials.isEmpty { sections.insert(.credentials) }
        writer.write(sections.rawValue)
        writer.write(UInt32(diagnostics.count))
        writer.write(UInt32(difference.count))
        writer.write(UInt32(model.count))
        if !text.isEmpty { writer.write(UInt32(text.count)) }
        if !credentials.isEmpty { writer.write(UInt32(credentials.count)) }
        writer.write(diagnostics)
        writer.write(difference)
        writer.write(model)
        writer.write(text)
        writer.write(credentials)
        return try MappedMemory.sealed(writer.bytes, name: "hasup-configuration")
    }
}

/// The reason an image can't be used.
package enum ImageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel refused, or the memory isn't sealed.
    case system(SystemError)
    /// The bytes aren't an image.
    case malformed(ByteError)

    /// The reason as a sentence.
    package var description: String {
        switch self {
        case .system(let error): error.description
        case .malformed(let error): "the configuration that was handed over is malformed (\(error))"
        }
    }
}

/// A message of the role `hasup-config` to hasupd: one frame, then it ends.
package enum ConfigurationToSupervisor {
    /// The check is done; the image, and its parts for the VRRP worker, for hasup-track and for the checker, come along.
    case judged
    /// It couldn't be checked.
    case failed(String)

    enum Kind: UInt16 { case judged = 0x501, failed }

    /// Sends it, waiting until the socket takes it. - Throws: `SystemError`.
    package func send(on socket: Int32, descriptors: [Int32] = []) throws(SystemError) {
        var writer = ByteWriter()
        var header = FrameHeader(type: Kind.judged.rawValue)
        if case .failed(let reason) = self {
            header.type = Kind.failed.rawValue
            writer.write(reason)
        }
        try header.send(on: socket, payload: writer.bytes, descriptors: descriptors)
    }

    /// Reads a frame of this direction. - Throws: `FrameError`.
    package init(_ frame: Frame) throws(FrameError) {
        guard let kind = Kind(rawValue: frame.header.type) else { throw .unknownType(frame.header.type) }
        self = try frame.decode { reader in
            switch kind {
            case .judged: .judged
            case .failed: .failed(try reader.readString())
            }
        }
    }
}

import Base

/// The end of a MISC_CHECK's program.
package enum ProgramEnd: ByteCoded, Hashable, Sendable {
    case status(Int32)
    case signal(Int32)
    /// It took longer than misc_timeout.
    case timedOut
    /// It is missing, refused, or couldn't be started.
    case notRun

    package init(decoding reader: inout ByteReader) throws(ByteError) {
        switch try reader.readUInt8() {
        case 0: self = .status(try Int32(decoding: &reader))
        case 1: self = .signal(try Int32(decoding: &reader))
        case 2: self = .timedOut
        case 3: self = .notRun
        default: throw .invalid
        }
    }

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .status(let code):
            writer.write(UInt8(0))
            code.encode(into: &writer)
        case .signal(let number):
            writer.write(UInt8(1))
            number.encode(into: &writer)
        case .timedOut: writer.write(UInt8(2))
        case .notRun: writer.write(UInt8(3))
        }
    }

    /// The verdict on the server (behaviours_lvs2, B25).
    ///
    /// - Parameter setsWeight: misc_dynamic: 2 to 255 is a success with that weight less two.
    package func verdict(setsWeight: Bool) -> CheckVerdict {
        switch self {
        case .status(0): .passed()
        case .status(let code) where setsWeight && code >= 2: CheckVerdict(.passed, .none, weight: code - 2)
        case .status(let code): .failed(.exitStatus, detail: code)
        case .signal(let number): .failed(.signal, detail: number)
        case .timedOut: .failed(.scriptTimedOut)
        case .notRun: .failed(.scriptNotRun)
        }
    }
}

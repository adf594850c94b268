import Base

/// A worker's report on its seal in its first message: as far as nobody else can read it, and what wasn't possible.
package struct SandboxReport: Hashable, Sendable {
    /// The failures, one sentence each.
    package var shortfalls: [String]
    /// True if Landlock is in force, as the worker has found by trying.
    package var isConfined: Bool
    /// True if its filter of system calls is in force.
    package var isFiltered: Bool
    /// True if it is dumpable (PR_GET_DUMPABLE, prctl(2)).
    package var isDumpable: Bool
    /// The folder that it stands in; empty when that can't be told.
    package var workingDirectory: String

    package init(
        shortfalls: [String] = [], isConfined: Bool = false, isFiltered: Bool = false, isDumpable: Bool = true,
        workingDirectory: String = ""
    ) {
        self.shortfalls = shortfalls
        self.isConfined = isConfined
        self.isFiltered = isFiltered
        self.isDumpable = isDumpable
        self.workingDirectory = workingDirectory
    }

    package func encode(into writer: inout ByteWriter) {
        writer.write(UInt16(shortfalls.count))
        shortfalls.forEach { writer.write($0) }
        writer.write(UInt8((isConfined ? 1 : 0) | (isDumpable ? 2 : 0) | (isFiltered ? 4 : 0)))
        writer.write(workingDirectory)
    }

    package init(from reader: inout ByteReader) throws(ByteError) {
        shortfalls = try reader.readStrings(max: 32)
        let flags = try reader.readUInt8()
        isConfined = flags & 1 != 0
        isDumpable = flags & 2 != 0
        isFiltered = flags & 4 != 0
        workingDirectory = try reader.readString()
    }
}

import Configuration
import ConfigurationModel
import Glibc

/// Finds the files that match a pattern, like glob(3), but gives up when it has looked at too many: `/*/*/*/*/*` leads
/// through all of /proc.
struct PatternWalk {
    /// Names that are looked at in all; a folder of configurations has tens.
    static let maximumNames = 20_000

    private var namesLeft = PatternWalk.maximumNames
    private var paths: [String] = []

    /// Files, folders and what there is otherwise, also what only seems to be there; `tooLarge` when there is too much
    /// to look at.
    mutating func paths(matching pattern: String) -> Result<[String], FileError> {
        let parts = pattern.split(separator: "/", omittingEmptySubsequences: true)
        walk(pattern.hasPrefix("/") ? "/" : "", parts[...])
        return namesLeft < 0 ? .failure(.tooLarge) : .success(paths)
    }

    /// - Parameter folder: empty, or ends with a slash.
    private mutating func walk(_ folder: String, _ parts: ArraySlice<Substring>) {
        guard let part = parts.first, namesLeft >= 0 else { return }
        let rest = parts.dropFirst()
        guard part.utf8.contains(where: { "*?[".utf8.contains($0) }) else {
            return visit(folder + Self.literal(part), rest, mayBeMissing: true)
        }
        guard let directory = opendir(folder.isEmpty ? "." : folder) else {
            // Whoever reads it says why it can't be looked into.
            if !Self.isNothingThere { paths.append(folder.isEmpty ? "." : String(folder.dropLast())) }
            return
        }
        var names: [(name: String, kind: UInt8)] = []
        while namesLeft >= 0, let entry = readdir(directory) {
            namesLeft -= 1
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != "..", fnmatch(String(part), name, FNM_PERIOD) == 0 {
                names.append((name, entry.pointee.d_type))
            }
        }
        // Before the next folder is opened: a pattern may be deeper than descriptors are many.
        closedir(directory)
        for (name, kind) in names where namesLeft >= 0 {
            if kind == UInt8(DT_REG) {
                if rest.isEmpty { paths.append(folder + name) }
                continue
            }
            namesLeft -= 1
            visit(folder + name, rest, mayBeMissing: false)
        }
    }

    private mutating func visit(_ path: String, _ rest: ArraySlice<Substring>, mayBeMissing: Bool) {
        guard rest.isEmpty else { return walk(path + "/", rest) }
        var status = stat()
        // A link that leads nowhere, a folder or a program: whoever reads it says so.
        if !mayBeMissing || stat(path, &status) == 0 || !Self.isNothingThere { paths.append(path) }
    }

    /// True if the last call has failed because there is no such file, or a part of its way is no folder.
    private static var isNothingThere: Bool { errno == ENOENT || errno == ENOTDIR }

    /// A part without wildcards: a backslash protects what follows.
    private static func literal(_ part: Substring) -> String {
        var bytes: [UInt8] = []
        var isProtected = false
        for byte in part.utf8 {
            if byte == UInt8(ascii: "\\"), !isProtected {
                isProtected = true
            } else {
                bytes.append(byte)
                isProtected = false
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

import Base
import Control
import Glibc

/// A control socket that is there, when the one that was asked isn't.
struct OtherSocket: Hashable {
    var path: String
    /// How to ask it.
    var advice: String

    /// Those in the run directory and right below it, where namespaces and instances have theirs; at most eight.
    static func all(but asked: String, in directory: String = ControlPath.standardRunDirectory) -> [OtherSocket] {
        var found = [OtherSocket(path: "\(directory)/control.sock", advice: "\(directory)/control.sock (--control)")]
        for name in names(in: directory) {
            let path = "\(directory)/\(name)/control.sock"
            let shown = Printable.text(path)
            if name.hasPrefix("netns-") {
                found.append(OtherSocket(path: path, advice: "\(shown) (\(wayInto(name, below: directory)) hasup ...)"))
            } else {
                found.append(OtherSocket(path: path, advice: "\(shown) (--instance \(Printable.text(name)))"))
            }
        }
        return Array(found.filter { $0.path != asked && access($0.path, F_OK) == 0 }.prefix(8))
    }

    /// The command that runs others in the network namespace of this folder.
    private static func wayInto(_ folder: String, below directory: String) -> String {
        let name = String(folder.dropFirst("netns-".count))
        if access("\(ControlPath.namespaceDirectory)/\(name)", F_OK) == 0 || !name.allSatisfy(\.isNumber) {
            return "ip netns exec \(Printable.text(name))"
        }
        return "nsenter --net --target $(cat \(directory)/\(folder)/hasup.pid)"
    }

    private static func names(in directory: String) -> [String] {
        guard let entries = opendir(directory) else { return [] }
        defer { closedir(entries) }
        var names: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor

extension HeartbeatConnection {
    /// Opens the socket or the line. - Throws: `SystemError`.
    func open() throws(SystemError) -> Descriptor {
        switch self {
        case .unicast(let ends): try ends.open()
        case .multicast(let group): try group.open()
        case .serial(let line): try line.open()
        }
    }
}

extension UnicastEnds {
    fileprivate func open() throws(SystemError) -> Descriptor {
        let operation = "open a socket for heartbeats from \(address) to \(peer) on \(device)"
        let index = hasup_interface_index(device)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        let result = device.withCString { device in
            address.bytes.withUnsafeBufferPointer { own in
                peer.bytes.withUnsafeBufferPointer { other in
                    var path = hasup_heartbeat_path(
                        device: device, interface_index: index, family: Int32(address.family.rawValue),
                        own: own.baseAddress, peer: other.baseAddress, own_port: port, peer_port: peerPort)
                    return hasup_heartbeat_socket(&path)
                }
            }
        }
        return try owned(result, operation)
    }
}

extension MulticastGroup {
    fileprivate func open() throws(SystemError) -> Descriptor {
        let operation = "open a socket for heartbeats to \(group) on \(device)"
        let index = hasup_interface_index(device)
        guard index > 0 else { throw SystemError(ENODEV, operation) }
        let result = group.bytes.withUnsafeBufferPointer { bytes in
            hasup_heartbeat_group_socket(device, index, Int32(group.family.rawValue), bytes.baseAddress, port)
        }
        return try owned(result, operation)
    }
}

extension SerialLine {
    fileprivate func open() throws(SystemError) -> Descriptor {
        var (major, minor): (UInt32, UInt32) = (0, 0)
        let line = try owned(hasup_serial_open(device, &major, &minor), "open the serial line \(device)")
        // Kernel messages between frames, and frames on what somebody reads.
        guard !Self.isConsole(major, minor) else {
            throw SystemError(
                EBUSY, "use \(device) for heartbeats: it is a console of the kernel (/proc/consoles); take another line"
            )
        }
        if let user = Self.user(of: major, minor) {
            throw SystemError(EBUSY, "use \(device) for heartbeats: \(user) has it as its terminal; end that first")
        }
        try checked(hasup_serial_prepare(line.number, Int32(clamping: speed)), "set up the serial line \(device)")
        return line
    }

    /// True if kernel messages go there. Its last word is the device's numbers.
    private static func isConsole(_ major: UInt32, _ minor: UInt32) -> Bool {
        guard let text = content(of: "/proc/consoles") else { return false }
        return text.split(separator: "\n").contains { line in
            line.split(separator: " ").last.map(String.init) == "\(major):\(minor)"
        }
    }

    /// A program whose terminal it is, as a getty's, with its pid; nil for none.
    private static func user(of major: UInt32, _ minor: UInt32) -> String? {
        // As proc(5) has tty_nr: the minor number's upper part stands above the major one.
        let number = (minor & 0xff) | major << 8 | (minor & ~0xff) << 12
        guard let folder = opendir("/proc") else { return nil }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard Int32(name) != nil, let text = content(of: "/proc/\(name)/stat"), let end = text.lastIndex(of: ")"),
                let begin = text.firstIndex(of: "(")
            else { continue }
            let fields = text[text.index(after: end)...].split(separator: " ")
            // State, parent, group, session, terminal.
            guard fields.count > 4, Int64(fields[4]).map({ UInt32(truncatingIfNeeded: $0) }) == number else { continue }
            return "\(Printable.text(String(text[text.index(after: begin)..<end]))) (pid \(name))"
        }
        return nil
    }

    /// The beginning of a file of /proc.
    private static func content(of path: String) -> String? {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(file.number, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}

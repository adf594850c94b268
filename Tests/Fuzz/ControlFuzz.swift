import Base
import Control
import Varlink

/// What a client of the control socket may send, and what a daemon may answer a client.
///
/// The first byte says where the stream is cut in two reads.
enum ControlFuzz: FuzzTarget {
    private static let service = VarlinkService(version: "0", interfaces: [("io.hasup", "interface io.hasup")])

    static func seeds() -> [[UInt8]] {
        var calls: [[UInt8]] = []
        for method in [
            "org.varlink.service.GetInfo", "io.hasup.Status", "io.hasup.Watch", "io.hasup.Reload", "io.hasup",
        ] {
            var call = VarlinkCall(method)
            calls.append([9] + call.encoded)
            call.wantsMore = true
            call.isOneway = true
            call.parameters = .object([JSONMember("interface", .string("io.hasup"))])
            calls.append([0] + call.encoded + call.encoded)
        }
        let values = #"{"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00\n"],"b":{"c":{}},"a":18446744073709551616}"#
        return calls + [[3] + Array(values.utf8) + [0], [0] + DaemonStatus().encodedReply]
    }

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let stream = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        let cut = min(Int(first), stream.count)
        var messages = VarlinkInput(messageMax: 4_096)
        for part in [stream[..<cut], stream[cut...]] {
            messages.append(UnsafeRawBufferPointer(rebasing: part))
            while let message = try? messages.next() { judge(Array(message)) }
        }
    }

    private static func judge(_ message: [UInt8]) {
        _ = try? VarlinkReply(parsing: message)
        _ = try? DaemonStatus(parsing: message)
        _ = try? InstanceReport(parsing: message)
        guard let call = try? VarlinkCall(parsing: message) else { return }
        _ = service.answer(call)
        // What was understood is understood again, except that speaking another protocol isn't asked for twice.
        var expected = call
        expected.wantsUpgrade = false
        let again = try? VarlinkCall(parsing: call.encoded.dropLast())
        precondition(again == expected, "a call isn't what it was after encoding")
    }
}

extension DaemonStatus {
    /// A reply with this status, NUL included.
    fileprivate var encodedReply: [UInt8] { VarlinkReply.encode(self) }
}

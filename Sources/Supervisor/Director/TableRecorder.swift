import Base
import CLinux
import ConfigurationModel
import Glibc
import Kernel
import LoadBalancing
import Reactor

/// IPVS's table as hasupd would make it, in a file: `hasupd --ipvs-record FILE` appends a line for each change, and gives
/// the kernel none (docs/decisions, D69). For measuring where there is no IPVS.
///
/// A line is `SECONDS.NANOSECONDS KIND SERVICE [SERVER WEIGHT]`, with the time since 1970 and KIND one of addvs, setvs, delvs,
/// addrs, setrs, delrs.
///
/// `@unchecked Sendable`: `services` is touched by the second thread only, as `file` is.
final class TableRecorder: TablePerformer, @unchecked Sendable {
    let path: String
    private let file: Descriptor
    private var services: [ServiceKey: TableService] = [:]
    private let failures = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    /// True after a line that couldn't be written.
    var isIncomplete: Bool { hasup_atomic_load(failures) != 0 }

    /// - Throws: `SystemError` when the file can't be written.
    init(_ path: String) throws(SystemError) {
        self.path = path
        let number = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        file = try owned(number < 0 ? -errno : number, "write \(path)")
        failures.initialize(to: 0)
    }

    deinit { failures.deallocate() }

    func perform(_ call: TableCall) -> TableResult {
        switch call {
        case .write(let requests):
            var lines: [UInt8] = []
            let codes = requests.map { perform($0, &lines) }
            if !lines.isEmpty {
                let written = lines.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
                if written != lines.count { hasup_atomic_store(failures, 1) }
            }
            return .written(codes)
        case .survey(let basis): return .survey(basis.survey(services.mapValues(\.settings)))
        case .readDestinations(let keys):
            var result: [ServiceKey: [DestinationKey: KernelDestination]] = [:]
            for key in keys { result[key] = services[key]?.destinations }
            return .destinations(result)
        }
    }

    /// The error number that the kernel would give.
    private func perform(_ request: TableRequest, _ lines: inout [UInt8]) -> Int32 {
        switch request {
        case .addService(let key, let settings):
            guard services[key] == nil else { return EEXIST }
            services[key] = TableService(settings: settings)
            append("addvs", key, to: &lines)
        case .editService(let key, let settings):
            guard services[key] != nil else { return ESRCH }
            services[key]?.settings = settings
            append("setvs", key, to: &lines)
        case .removeService(let key):
            guard services.removeValue(forKey: key) != nil else { return ESRCH }
            append("delvs", key, to: &lines)
        case .addDestination(let key, let place, let destination):
            guard let service = services[key] else { return ESRCH }
            guard service.destinations[place] == nil else { return EEXIST }
            services[key]?.destinations[place] = destination
            append("addrs", key, place, destination.weight, to: &lines)
        case .editDestination(let key, let place, let destination):
            guard let service = services[key] else { return ESRCH }
            guard service.destinations[place] != nil else { return ENOENT }
            services[key]?.destinations[place] = destination
            append("setrs", key, place, destination.weight, to: &lines)
        case .removeDestination(let key, let place):
            guard services[key] != nil else { return ESRCH }
            guard services[key]?.destinations.removeValue(forKey: place) != nil else { return ENOENT }
            append("delrs", key, place, 0, to: &lines)
        case .flush: services = [:]
        case .setTimeouts: break
        }
        return 0
    }

    private func append(
        _ kind: String, _ key: ServiceKey, _ place: DestinationKey? = nil, _ weight: UInt32 = 0,
        to lines: inout [UInt8]
    ) {
        let now = Clock.wallNanoseconds
        let fraction = String(now % 1_000_000_000)
        let time = "\(now / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)"
        let server = place.map { " \($0.title) \(weight)" } ?? ""
        lines += "\(time) \(kind) \(key.recorded)\(server)\n".utf8
    }
}

extension ServiceKey {
    /// `10.0.0.1:80` or `fwmark:7`.
    fileprivate var recorded: String {
        switch target {
        case .address(let address, let port, _): address.withPort(port)
        case .firewallMark(let mark, _): "fwmark:\(mark)"
        }
    }
}

import Base
import CLibnl
import Glibc
import LoadBalancing
import Reactor

/// IPVS's table by generic netlink, over a blocking socket, one thread at a time.
///
/// A request runs inside send(2) and may take as long as the kernel needs: to load a scheduler's module, to build a table
/// anew, or for what others do under the same lock. So this belongs on the `IPVSThread` (docs/decisions, D65).
package final class IPVSConnection: TablePerformer {
    private let socket: NetlinkSocket
    private var outgoing: [UInt8] = []
    /// Nil as long as the kernel has no IPVS.
    private var request: IPVSRequest?
    private var size = BatchSize()
    /// Services whose scheduler builds its table anew with each destination that changes.
    private var slowServices: Set<ServiceKey> = []
    /// The slow service that the last batch was about.
    private var lastSlow: ServiceKey?

    /// Takes over a socket as `hasup_generic_socket()` makes it. - Throws: `SystemError` when it isn't a netlink socket.
    package init(_ socket: consuming Descriptor) throws(SystemError) {
        self.socket = try NetlinkSocket(socket)
        // An error's answer doesn't repeat the request then.
        self.socket.set(NETLINK_CAP_ACK)
        outgoing.reserveCapacity(BatchSize.maximum * IPVSRequest.maximum)
    }

    /// Does a call. The kernel's refusals are values.
    package func perform(_ call: TableCall) -> TableResult {
        do throws(SystemError) {
            switch call {
            case .write(let requests): return .written(try write(requests))
            case .survey(let basis): return .survey(basis.survey(try services()))
            case .readDestinations(let keys):
                var result: [ServiceKey: [DestinationKey: KernelDestination]] = [:]
                for key in keys { result[key] = try destinations(of: key) }
                return .destinations(result)
            }
        } catch {
            return .failed(error.code)
        }
    }

    // MARK: Writing

    /// The error number of each request, 0 for done. - Throws: `SystemError` when nothing was sent.
    private func write(_ requests: [TableRequest]) throws(SystemError) -> [Int32] {
        let builder = try resolved()
        var codes: [Int32] = []
        codes.reserveCapacity(requests.count)
        while codes.count < requests.count {
            let batch = requests[codes.count..<endOfBatch(requests, from: codes.count)]
            do throws(SystemError) {
                let begin = Clock.now
                codes += try perform(batch, builder)
                size.took(Clock.now - begin, requests: batch.count)
            } catch {
                // Those before are done, and stay so.
                if codes.isEmpty { throw error }
                codes += repeatElement(error.code, count: requests.count - codes.count)
            }
            for request in batch { note(request) }
        }
        return codes
    }

    /// The end of the requests that go into one send: those of a slow service go alone.
    private func endOfBatch(_ requests: [TableRequest], from start: Int) -> Int {
        let slow = slowService(of: requests[start])
        if slow != lastSlow { size.begin(with: slow == nil ? BatchSize.usual : BatchSize.cautious) }
        lastSlow = slow
        var end = start
        while end < requests.count, end - start < size.count, slowService(of: requests[end]) == slow { end += 1 }
        return end
    }

    private func slowService(of request: TableRequest) -> ServiceKey? {
        switch request {
        case .addService(let key, let service), .editService(let key, let service):
            return service.isSlow ? key : nil
        default: return request.service.flatMap { slowServices.contains($0) ? $0 : nil }
        }
    }

    private func note(_ request: TableRequest) {
        switch request {
        case .addService(let key, let service), .editService(let key, let service):
            if service.isSlow { slowServices.insert(key) } else { slowServices.remove(key) }
        case .removeService(let key): slowServices.remove(key)
        default: break
        }
    }

    /// Sends requests in one datagram. The kernel works through it in order and reports every error unasked, so when the
    /// answer to the last one is there, the others' are too.
    private func perform(
        _ requests: ArraySlice<TableRequest>, _ builder: IPVSRequest
    ) throws(SystemError) -> [Int32] {
        let first = socket.sequence &+ 1
        outgoing.removeAll(keepingCapacity: true)
        for index in requests.indices {
            try builder.append(
                requests[index], sequence: socket.nextSequence(), acknowledge: index == requests.endIndex - 1,
                to: &outgoing)
        }
        try socket.send(outgoing, Self.writing)
        var codes = [Int32](repeating: 0, count: requests.count)
        while true {
            var reader = IPVSReader(try socket.receive(Self.writing), family: builder.family)
            while let message = reader.next() {
                let index = Int(reader.sequence &- first)
                guard case .answer(let code) = message, index < codes.count else { continue }
                codes[index] = code
                if index == codes.count - 1 { return codes }
            }
        }
    }

    private static let writing = "change IPVS's table"
    private static let reading = "read IPVS's table"

    // MARK: Reading

    private func services() throws(SystemError) -> [ServiceKey: KernelService] {
        let builder = try resolved()
        var result: [ServiceKey: KernelService] = [:]
        do throws(SystemError) {
            try ask { (number, bytes) throws(SystemError) in
                try builder.appendServiceDump(sequence: number, to: &bytes)
            } body: {
                if case .service(let key, let service) = $0 { result[key] = service }
            }
        } catch {
            // The module was removed; when it comes back, it has another number.
            if error.code == ENOENT { request = nil }
            throw error
        }
        slowServices = Set(result.lazy.filter { $0.value.isSlow }.map(\.key))
        return result
    }

    /// Nil when there is no such service.
    private func destinations(
        of key: ServiceKey
    ) throws(SystemError) -> [DestinationKey: KernelDestination]? {
        let builder = try resolved()
        var result: [DestinationKey: KernelDestination] = [:]
        try ask(key.family) { (number, bytes) throws(SystemError) in
            try builder.appendDestinationDump(of: key, sequence: number, to: &bytes)
        } body: {
            if case .destination(let key, let destination) = $0 { result[key] = destination }
        }
        // A service that isn't there looks like an empty one.
        if result.isEmpty, try !isThere(key, builder) { return nil }
        return result
    }

    private func isThere(_ key: ServiceKey, _ builder: IPVSRequest) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try ask { (number, bytes) throws(SystemError) in
                try builder.appendServiceQuery(key, sequence: number, to: &bytes)
            } body: { _ in
            }
            return true
        } catch {
            guard error.code == ESRCH else { throw error }
            return false
        }
    }

    /// The builder of requests, which needs the family's number. - Throws: `SystemError`: ENOENT when the kernel has no
    /// IPVS.
    private func resolved() throws(SystemError) -> IPVSRequest {
        if let request { return request }
        var number: UInt16?
        try ask { (sequence, bytes) throws(SystemError) in
            try IPVSRequest.appendFamilyQuery(sequence: sequence, to: &bytes)
        } body: {
            if case .family(let family) = $0 { number = family }
        }
        guard let number else { throw SystemError(ENOENT, Self.reading) }
        let request = IPVSRequest(family: number)
        self.request = request
        return request
    }

    /// Sends one request and reads its answers to their end.
    private func ask(
        _ family: AddressFamily = .ipv4, request build: (UInt32, inout [UInt8]) throws(SystemError) -> Void,
        body: (IPVSMessage) -> Void
    ) throws(SystemError) {
        let number = socket.nextSequence()
        outgoing.removeAll(keepingCapacity: true)
        try build(number, &outgoing)
        try socket.send(outgoing, Self.reading)
        while true {
            var reader = IPVSReader(
                try socket.receive(Self.reading), family: request?.family, serviceFamily: family)
            while let message = reader.next() {
                guard reader.sequence == number else { continue }
                switch message {
                case .endOfDump(let code), .answer(let code):
                    if code != 0 { throw SystemError(code, Self.reading) }
                    return
                default: body(message)
                }
            }
        }
    }
}

extension KernelService {
    /// True if each change of a destination builds the scheduler's whole table anew (measured: docs/decisions, D66).
    fileprivate var isSlow: Bool { scheduler == "mh" }
}

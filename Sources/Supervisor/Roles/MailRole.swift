import Base
import CLinux
import ConfigurationModel
import Glibc
import Reactor
import Sandbox
import Supervision
import WorkerProtocol

/// The role `hasup-mail`: sends mails by libcurl, and ends (docs/decisions, D50). A process of its own because name servers
/// and mail servers may never answer, and because TLS and their answers are read here and nowhere else.
///
/// It loads libcurl and reads the files of smtp_ca and smtp_auth as hasupd's user, then becomes its own and seals itself.
/// After 30 s the kernel ends it, also when hasupd has gone.
///
/// Arguments: those of `SandboxArguments`. Descriptor 3 takes what it reports (`MailReport`), 4 is the compiled system call
/// filter, and 5 the memory file of a `MailOrder`. It ends with 0, 75 if another try may help, or 69.
enum MailRole {
    /// Seconds that it lives at most.
    static let life: UInt32 = 30
    static let descriptor: Int32 = 3
    /// Exit statuses (sysexits(3)).
    static let (temporary, final): (Int32, Int32) = (75, 69)
    /// The pause between two tries.
    private static let pause: UInt32 = 2

    /// The first byte of what it reports.
    enum MailReport: UInt8 {
        /// A `SandboxReport` follows.
        case sealed = 1
        /// The reason that a mail wasn't sent follows, a clause.
        case failed = 2
    }

    static func run(arguments: [String]) -> Int32 {
        alarm(life)
        guard let arguments = SandboxArguments(words: arguments) else { return 64 }
        if let reason = hasup_mail_load() {
            return complain("libcurl can't be loaded: \(String(cString: reason))", final)
        }
        let order: MailOrder
        let secrets: Secrets
        do {
            let memory = try MappedMemory(sealed: Descriptor(owning: 5))
            order = try MailOrder(decoding: memory.bytes)
            secrets = try Secrets(order)
        } catch {
            return complain("\(error)", final)
        }
        let report = seal(as: SandboxPlan(arguments, filter: 4, landlock: .mail))
        if let refusal = report.refusal(for: arguments) { return complain(refusal, final) }
        tell(report)
        return send(order, secrets)
    }

    // MARK: Reports

    private static func tell(_ report: AppliedSandbox) {
        var writer = ByteWriter()
        writer.write(MailReport.sealed.rawValue)
        SandboxReport(
            shortfalls: report.shortfalls, isConfined: report.isConfined, isFiltered: report.isFiltered,
            isDumpable: report.isDumpable, workingDirectory: report.workingDirectory ?? ""
        ).encode(into: &writer)
        _ = hasup_send_packet(descriptor, writer.bytes, writer.bytes.count, nil, 0)
    }

    private static func complain(_ reason: String, _ status: Int32) -> Int32 {
        let bytes = [MailReport.failed.rawValue] + Array(Printable.text(reason, limit: 300).utf8)
        _ = hasup_send_packet(descriptor, bytes, bytes.count, nil, 0)
        return status
    }

    // MARK: Before the seal

    /// The files that only hasupd's user may be able to read.
    private struct Secrets {
        var password = ""
        var authorities: [UInt8] = []

        init(_ order: MailOrder) throws(SystemError) {
            if let login = order.login {
                let line = try Self.read(login.passwordFile, "the password of smtp_auth", max: 4_096)
                password = String(decoding: line.prefix { $0 != 0x0a && $0 != 0x0d }, as: UTF8.self)
            }
            if let path = order.authorities { authorities = try Self.read(path, "smtp_ca", max: 4 << 20) }
        }

        private static func read(_ path: String, _ what: String, max: Int) throws(SystemError) -> [UInt8] {
            let purpose = "read \(what) from \(path)"
            let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            let file = try owned(number < 0 ? -errno : number, purpose)
            var status = stat()
            guard fstat(file.number, &status) == 0 else { throw SystemError(errno, purpose) }
            guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= max else { throw SystemError(EFBIG, purpose) }
            var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
            let count = Glibc.read(file.number, &bytes, bytes.count)
            guard count >= 0 else { throw SystemError(errno, purpose) }
            return Array(bytes.prefix(count))
        }
    }

    // MARK: Sealed

    private static func send(_ order: MailOrder, _ secrets: Secrets) -> Int32 {
        var status: Int32 = 0
        for mail in order.mails {
            var outcome = send(mail, order, secrets)
            var tries = 1
            while tries < order.tries, case .failure(let failure) = outcome, !failure.isFinal {
                sleep(pause)
                outcome = send(mail, order, secrets)
                tries += 1
            }
            guard case .failure(let failure) = outcome else { continue }
            status = complain(failure.reason, failure.isFinal ? final : temporary)
        }
        return status
    }

    private struct Failure: Error {
        var reason: String
        var isFinal: Bool
    }

    private static func send(_ mail: Mail, _ order: MailOrder, _ secrets: Secrets) -> Result<Void, Failure> {
        let server = "smtp_server \(order.relay) port \(order.port)"
        let addresses: [String]
        do throws(Failure) { addresses = try resolve(order.relay) } catch {
            return .failure(Failure(reason: "\(server): \(error.reason)", isFinal: error.isFinal))
        }
        // A literal address needs no names, and libcurl asks for them in threads.
        let isLiteral = IPAddress(order.relay) != nil
        let host = order.relay.contains(":") ? "[\(order.relay)]" : order.relay
        let scheme = order.protection == .tls ? "smtps" : "smtp"
        let url = "\(scheme)://\(host):\(order.port)/\(escaped(order.greeting))"
        let names = isLiteral ? nil : "\(order.relay):\(order.port):\(addresses.joined(separator: ","))"
        var answer = 0
        var buffer = [CChar](repeating: 0, count: 512)
        let code = withServer(order, secrets, url, names) { given in
            var recipients = mail.recipients.map { UnsafePointer(strdup("<\($0)>")) }
            defer { for text in recipients { free(UnsafeMutablePointer(mutating: text)) } }
            return hasup_mail_send(
                given, "<\(mail.sender)>", &recipients, Int32(recipients.count), mail.text, mail.text.utf8.count,
                &answer,
                &buffer, buffer.count)
        }
        guard code != 0 else { return .success(()) }
        let reason = String(
            decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // A server's refusal with 5 is for good (RFC 5321 §4.2.1).
        let said = (400..<600).contains(answer) ? " (it answered \(answer))" : ""
        return .failure(Failure(reason: "\(server): \(reason)\(said)", isFinal: (500..<600).contains(answer)))
    }

    private static func withServer(
        _ order: MailOrder, _ secrets: Secrets, _ url: String, _ names: String?,
        _ body: (UnsafePointer<hasup_mail_server>) -> Int32
    ) -> Int32 {
        let texts: [UnsafeMutablePointer<CChar>?] = [
            strdup(url), names.map { strdup($0) } ?? nil, order.login.map { strdup($0.user) } ?? nil,
            strdup(secrets.password),
        ]
        defer { for text in texts { free(text) } }
        let connect = min(order.connectTimeout, .seconds(Int64(life)))
        return secrets.authorities.withUnsafeBytes { authorities in
            var server = hasup_mail_server()
            server.url = UnsafePointer(texts[0])
            server.addresses = UnsafePointer(texts[1])
            server.protection = Int32(order.protection.rawValue)
            server.authorities = order.authorities == nil ? nil : authorities.baseAddress
            server.authorities_size = authorities.count
            server.user = UnsafePointer(texts[2])
            server.password = UnsafePointer(texts[3])
            server.connect_milliseconds = Int(connect.nanoseconds / 1_000_000)
            server.all_milliseconds = Int(life) * 1_000
            return withUnsafePointer(to: server, body)
        }
    }

    /// A part of a URL's path: a name of letters, digits, dots and hyphens stays as it is.
    private static func escaped(_ name: String) -> String {
        name.utf8.map { byte in
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private static func resolve(_ host: String) throws(Failure) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = IPAddress(host) != nil ? AI_NUMERICHOST : 0
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            // Names come late at boot.
            throw Failure(reason: "its name can't be resolved: \(String(cString: gai_strerror(code)))", isFinal: false)
        }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let named = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if named == 0 { found.append(address.contains(":") ? "[\(address)]" : address) }
            next = entry.pointee.ai_next
        }
        return found
    }
}

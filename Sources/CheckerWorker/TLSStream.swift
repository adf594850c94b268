import CLinux
import ConfigurationModel

/// A check's TLS connection over its socket, which stays the owner's.
final class TLSStream {
    enum Failure: Error {
        case again
        /// The other side has said that it ends.
        case ended
        /// The connection ended without that.
        case cut
        /// The other side has reset it.
        case reset
        case failed
    }

    private let connection: UnsafeMutableRawPointer
    private(set) var isReady = false

    /// Nil without memory, and where the library isn't loaded.
    init?(over fd: Int32, serverName: String?, session: TLSSession?) {
        let made =
            serverName.map { hasup_tls_create(fd, $0, session?.pointer) } ?? hasup_tls_create(fd, nil, session?.pointer)
        guard let made else { return nil }
        connection = made
    }

    deinit { hasup_tls_destroy(connection) }

    func handshake() throws(Failure) {
        let result = hasup_tls_handshake(connection)
        if result != 0 { throw Self.failure(Int(result)) }
        isReady = true
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        let count = hasup_tls_read(connection, buffer.baseAddress, buffer.count)
        if count <= 0 { throw Self.failure(count) }
        return count
    }

    func write(_ bytes: [UInt8]) throws(Failure) -> Int {
        let count = hasup_tls_write(connection, bytes, bytes.count)
        if count <= 0 { throw Self.failure(count) }
        return count
    }

    /// Says that this side ends.
    func end() { hasup_tls_end(connection) }

    /// The session that resumes it; nil when the server doesn't offer that.
    var session: TLSSession? { hasup_tls_session(connection).map(TLSSession.init) }

    private static func failure(_ code: Int) -> Failure {
        switch code {
        case Int(HASUP_TLS_AGAIN): .again
        case Int(HASUP_TLS_END): .ended
        case Int(HASUP_TLS_CUT): .cut
        case Int(HASUP_TLS_RESET): .reset
        default: .failed
        }
    }
}

/// The session of a connection before.
final class TLSSession {
    fileprivate let pointer: UnsafeMutableRawPointer

    fileprivate init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

    deinit { hasup_tls_session_destroy(pointer) }
}

/// The files of SSL, by which connections prove to servers who they are.
struct TLSIdentity {
    private var settings = TLSClientSettings()
    private var credentials = TLSCredentials()
    /// False when SSL names files that can't be used.
    private(set) var isUsable = true

    /// Returns true when connections use another one from now on.
    mutating func follow(_ settings: TLSClientSettings, _ credentials: TLSCredentials) -> Bool {
        guard (settings, credentials) != (self.settings, self.credentials) else { return false }
        (self.settings, self.credentials) = (settings, credentials)
        isUsable = !(settings.namesFiles && credentials.isEmpty) && use()
        return true
    }

    private func use() -> Bool {
        guard hasup_tls_prepare() == 0 else { return credentials.isEmpty }
        let parts = [
            (credentials.authorities, HASUP_TLS_AUTHORITIES), (credentials.certificate, HASUP_TLS_CERTIFICATE),
            (credentials.key, HASUP_TLS_KEY),
        ]
        for (content, part) in parts {
            guard let content else { continue }
            // hasup-config has tried the same, and has the words.
            let result = hasup_tls_add(Int32(part), content, content.count, settings.password ?? "", nil, 0)
            if result != 0 { return false }
        }
        hasup_tls_commit()
        return true
    }
}

import Base
import ConfigurationModel
import Supervision

/// The contents of the memory file that `hasup-mail` is given: the relay, and the mails for it. Passwords aren't in it.
struct MailOrder: Hashable {
    /// Name or address of the relay.
    var relay: String
    var port: UInt16
    /// The name that is said in EHLO and HELO.
    var greeting: String
    var protection: MailProtection
    /// A file of authorities; nil for those of the system.
    var authorities: String?
    var login: MailLogin?
    var connectTimeout: Interval
    /// Tries of each mail.
    var tries: UInt8
    var mails: [Mail]

    init(_ settings: MailSettings, _ origin: Mail.Origin, _ mails: [Mail], tries: UInt8) {
        relay = settings.relay ?? ""
        port = settings.relayPort
        greeting = settings.heloName ?? origin.host
        protection = settings.protection
        authorities = settings.authorities
        login = settings.login
        connectTimeout = settings.connectTimeout
        self.tries = tries
        self.mails = mails
    }

    /// - Throws: `ByteError`.
    init(decoding bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        relay = try String(decoding: &reader)
        port = try reader.readUInt16()
        greeting = try String(decoding: &reader)
        protection = try reader.readCase(MailProtection.self)
        authorities = try String?(decoding: &reader)
        login = nil
        if try reader.readBool() { login = try MailLogin(from: &reader) }
        connectTimeout = try Interval(decoding: &reader)
        tries = try reader.readUInt8()
        mails = try [Mail](decoding: &reader)
        try reader.finish()
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        relay.encode(into: &writer)
        writer.write(port)
        greeting.encode(into: &writer)
        writer.write(protection.rawValue)
        authorities.encode(into: &writer)
        writer.write(login != nil)
        login?.write(to: &writer)
        connectTimeout.encode(into: &writer)
        writer.write(tries)
        mails.encode(into: &writer)
        return writer.bytes
    }
}

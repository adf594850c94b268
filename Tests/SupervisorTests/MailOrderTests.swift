import Base
import ConfigurationModel
import Supervision
import Testing

@testable import Supervisor

@Suite struct MailOrderTests {
    @Test(arguments: [false, true]) func theOrderCrosses(isFull: Bool) throws {
        var global = GlobalSettings()
        global.mail.relay = "mail.example.org"
        global.mail.recipients = ["a@b"]
        if isFull {
            global.mail.relayPort = 465
            global.mail.protection = .tls
            global.mail.authorities = "/etc/ca.pem"
            global.mail.login = MailLogin(user: "me", passwordFile: "/etc/password")
            global.mail.heloName = "lb1.example.org"
        }
        let origin = Mail.Origin(host: "lb1", user: "root")
        let mail = try #require(
            Mail(on: .master, of: NotificationKey(.instance, "V1"), global, origin, at: 0))
        let order = MailOrder(global.mail, origin, [mail, mail], tries: 3)
        #expect(order.greeting == (isFull ? "lb1.example.org" : "lb1"))
        let bytes = order.bytes
        #expect(try bytes.withUnsafeBytes { try MailOrder(decoding: $0) } == order)
        for count in 0..<bytes.count {
            #expect(throws: ByteError.self) {
                _ = try bytes[..<count].withUnsafeBytes { try MailOrder(decoding: $0) }
            }
        }
    }
}

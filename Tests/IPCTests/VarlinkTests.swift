import Control
import Testing
import Varlink

@Suite struct VarlinkTests {
    private func feed(_ input: inout VarlinkInput, _ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { input.append($0) }
    }

    private func texts(_ input: inout VarlinkInput) throws -> [String] {
        var texts: [String] = []
        while let message = try input.next() { texts.append(String(decoding: message, as: UTF8.self)) }
        return texts
    }

    @Test func messagesComeWholeHoweverTheBytesCome() throws {
        let stream = Array("first\0\0third\0half".utf8)
        for size in 1...stream.count {
            var input = VarlinkInput(messageMax: 100)
            var found: [String] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                feed(&input, stream[start..<min(start + size, stream.count)])
                found += try texts(&input)
            }
            #expect(found == ["first", "", "third"])
            #expect(input.pending == 4)
        }
    }

    @Test func tooLongIsAnErrorBeforeAndAfterItsEnd() throws {
        var input = VarlinkInput(messageMax: 5)
        feed(&input, Array("12345\0".utf8))
        #expect(try texts(&input) == ["12345"])
        feed(&input, Array("123456".utf8))
        #expect(throws: VarlinkInput.Failure.tooLong(limit: 5)) { try input.next() }
        var whole = VarlinkInput(messageMax: 5)
        feed(&whole, Array("123456\0".utf8))
        #expect(throws: VarlinkInput.Failure.tooLong(limit: 5)) { try whole.next() }
    }

    @Test func callsAreReadInAnyOrderOfTheirMembers() throws {
        let call = try VarlinkCall(parsing: #"{"more":true,"parameters":{"a":1},"method":"x.Y","unknown":[]}"#.utf8)
        var wanted = VarlinkCall("x.Y")
        wanted.parameters = .object([JSONMember("a", .int(1))])
        wanted.wantsMore = true
        #expect(call == wanted)
        #expect(try VarlinkCall(parsing: wanted.encoded.dropLast()) == wanted)
        #expect(
            try VarlinkCall(parsing: #"{"method":"x.Y","more":false,"parameters":null}"#.utf8) == VarlinkCall("x.Y"))
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"method":1}"#, #"{"method":"x.Y","parameters":[]}"#, #"{"method":"x.Y","more":1}"#,
        #"{"method":"x.Y"} x"#,
    ])
    func refusesWhatIsNoCall(_ text: String) {
        #expect(throws: JSONError.self) { try VarlinkCall(parsing: text.utf8) }
    }

    private let service = VarlinkService(version: "1.2", interfaces: [(ControlInterface.name, ControlInterface.text)])

    private func answer(_ method: String, _ arguments: [JSONMember] = []) throws -> VarlinkReply? {
        var call = VarlinkCall(method)
        call.parameters = .object(arguments)
        guard case .reply(let message) = service.answer(call) else { return nil }
        #expect(message.last == 0)
        return try VarlinkReply(parsing: message.dropLast())
    }

    @Test func saysWhatItIs() throws {
        let information = try #require(try answer("org.varlink.service.GetInfo")).parameters
        #expect(information["version"] == .string("1.2"))
        #expect(information["interfaces"] == .array([.string("org.varlink.service"), .string("io.hasup")]))
        let own = try #require(
            try answer("org.varlink.service.GetInterfaceDescription", [JSONMember("interface", .string("io.hasup"))]))
        #expect(own.parameters["description"] == .string(ControlInterface.text))
        #expect(own.error == nil)
    }

    @Test func refusesInVarlinksWords() {
        func failure(_ method: String, _ arguments: [JSONMember] = []) -> VarlinkError? {
            var call = VarlinkCall(method)
            call.parameters = .object(arguments)
            guard case .failure(let error) = service.answer(call) else { return nil }
            return error
        }
        #expect(failure("Status") == .interfaceNotFound("Status"))
        #expect(failure("io.other.Status") == .interfaceNotFound("io.other"))
        #expect(failure("org.varlink.service.Nothing") == .methodNotFound("Nothing"))
        #expect(failure("org.varlink.service.GetInterfaceDescription") == .invalidParameter("interface"))
        let other = [JSONMember("interface", .string("io.other"))]
        #expect(failure("org.varlink.service.GetInterfaceDescription", other) == .interfaceNotFound("io.other"))
        #expect(service.answer(VarlinkCall("io.hasup.X")) == .other(interface: "io.hasup", method: "X"))
    }

    @Test func theInterfaceDeclaresWhatIsServedAndEachTypeOnce() {
        let text = ControlInterface.text
        for method in ControlMethod.allCases {
            let arguments =
                switch method {
                case .reload: "dry_run: ?bool"
                case .upgrade: "only_if_changed: ?bool"
                case .setLogLevel: "level: string"
                case .resetStatistics: "name: ?string"
                default: ""
                }
            #expect(text.contains("\nmethod \(method.rawValue)(\(arguments)) -> ("))
        }
        #expect(text.contains("\nmethod Status() -> (daemon: DaemonStatus, instances: []InstanceReport)\n"))
        #expect(text.contains("\nmethod Watch() -> (event: WatchEvent)\n"))
        #expect(text.contains("\n  why_not_master: ?WaitReport,\n"))
        #expect(text.contains("\n  discarded: [string]int,\n"))
        let types = text.split(separator: "\n").filter { $0.hasPrefix("type ") }
        #expect(Set(types).count == types.count)
        #expect(!text.contains("Reply"))
        for line in text.split(separator: "\n") { #expect(line.utf8.count <= 120, "\(line)") }
    }
}

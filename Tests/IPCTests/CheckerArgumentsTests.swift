import Base
import ConfigurationModel
import Testing

@testable import WorkerProtocol

@Suite struct CheckerArgumentsTests {
    @Test("the words on the command line are read as they are written")
    func words() throws {
        var arguments = CheckerArguments()
        #expect(arguments.words == [])
        arguments.process.nice = -3
        arguments.process.realtimePriority = 7
        arguments.process.realtimeLimit = .microseconds(20_000)
        arguments.process.locksMemory = true
        arguments.process.processors = [0, 3]
        arguments.usesTLS = true
        arguments.usesPatterns = true
        #expect(
            arguments.words == [
                "--nice=-3", "--realtime=7", "--realtime-limit=20000", "--lock", "--processors=0,3", "--tls", "--regex",
            ])
        #expect(CheckerArguments(words: arguments.words) == arguments)
    }

    @Test(arguments: ["", "x", "--nice", "--nice=", "--nice=x", "--lock=1", "--processors=1,x", "--tls=1"])
    func others(_ word: String) {
        #expect(CheckerArguments(words: [word]) == nil)
    }

    @Test("a library more is no reason for another process, other scheduling is")
    func suffices() {
        var (one, other) = (CheckerArguments(), CheckerArguments())
        one.usesTLS = true
        #expect(one.suffices(for: other) && !other.suffices(for: one))
        other.usesTLS = true
        other.process.nice = 1
        #expect(!one.suffices(for: other))
    }
}

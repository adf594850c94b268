import Base
import Testing
import VRRP

/// What is said of advertisements that couldn't leave.
@Suite struct SendFailureTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    /// What happened to a MASTER whose peers wait for 3 s: `x` is a second in which nothing left, `.` one in which
    /// something did, `_` one without a try, `X` one with another error. What status then says.
    @Test(
        arguments: [
            ("", nil, 0), (".", nil, 0), ("x", false, 1), ("xxx", false, 3), ("xxxx", true, 4), ("xx.x", false, 3),
            ("xxxx.", false, 4), ("xxxx.x", false, 5), ("xxxx.xxxx", true, 8), ("xxXX", true, 4), ("x__", false, 1),
            ("xxxx___", true, 4), ("xxxx____", nil, 4),
        ] as [(String, Bool?, UInt64)])
    func silence(story: String, isSilent: Bool?, count: UInt64) {
        var troubles = SendFailures()
        var now = Self.start
        for letter in story {
            switch letter {
            case "x": _ = troubles.failed(7, 1, at: now)
            case "X": _ = troubles.failed(7, 2, at: now)
            case ".": troubles.left(7)
            default: break
            }
            now = now + .seconds(1)
        }
        now = now - .seconds(1)
        var status = InstanceStatus(priority: .release, advertInterval: .seconds(1))
        status.state = .master
        troubles.describe(7, in: &status, timeout: .seconds(3), at: now)
        #expect(status.sendFailure?.isSilent == isSilent)
        #expect(status.counters.sendFailures == count && troubles.total == count)
        // A BACKUP has nothing to say, so it isn't silent.
        var backup = status
        backup.state = .backup
        troubles.describe(7, in: &backup, timeout: .seconds(3), at: now)
        #expect(backup.sendFailure?.isSilent ?? false == false)
    }

    /// What was counted before a reset isn't news afterwards.
    @Test func reset() {
        var troubles = SendFailures()
        func count() -> UInt64 {
            var status = InstanceStatus(priority: .release, advertInterval: .seconds(1))
            troubles.describe(7, in: &status, timeout: .seconds(3), at: Self.start)
            return status.counters.sendFailures
        }
        troubles.resetCount(of: 7)
        for _ in 0..<3 { _ = troubles.failed(7, 1, at: Self.start) }
        #expect(count() == 3)
        troubles.resetCount(of: 7)
        #expect(count() == 0)
        let isNews = troubles.failed(7, 1, at: Self.start)
        #expect(!isNews && count() == 1 && troubles.total == 4)
    }

    @Test func news() {
        var troubles = SendFailures()
        #expect(!troubles.isWatching)
        var news: [Bool] = []
        for (id, code, second) in [(0, 1, 0), (0, 1, 60), (0, 2, 61), (1, 2, 61), (0, 2, 122)] as [(Int, Int32, Int64)]
        {
            news.append(troubles.failed(id, code, at: Self.start + .seconds(second)))
        }
        #expect(news == [true, false, true, true, true])
        #expect(troubles.isWatching)
        troubles.renumber([nil, 0])
        let isNews = troubles.failed(0, 2, at: Self.start + .seconds(121))
        #expect(!isNews)
        troubles.renumber([nil])
        #expect(!troubles.isWatching)
    }
}

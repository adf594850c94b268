import Supervision
import Testing

@Suite("Reload (D18, R3)")
struct ReloadMachineTests {
    @Test("read, apply, answer")
    func accepted() {
        var machine = ReloadMachine()
        #expect(machine.handle(.requested(1)) == [.read])
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
        #expect(machine.phase == .idle)
    }

    @Test("a refused configuration is never applied")
    func refused() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        #expect(machine.handle(.read(accepted: false)) == [.answer([1], .refused)])
        #expect(machine.handle(.configured).isEmpty)
    }

    @Test("requests that come meanwhile are served by the next reading, together")
    func queued() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        #expect(machine.handle(.requested(2)).isEmpty)
        #expect(machine.handle(.requested(0)).isEmpty)
        #expect(machine.handle(.read(accepted: false)) == [.answer([1], .refused), .read])
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([2], .runs)])
    }

    @Test("a preview is read and answered, and never applied")
    func preview() {
        var machine = ReloadMachine()
        #expect(machine.handle(.previewRequested(1)) == [.readForPreview])
        #expect(machine.handle(.previewRequested(2)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([1]), .readForPreview])
        #expect(machine.handle(.configured).isEmpty)
        #expect(machine.handle(.read(accepted: false)) == [.answerPreview([2])])
        #expect(machine.phase == .idle)
    }

    @Test("a reload that comes during a preview is done before the next preview, and the other way round")
    func previewAndReload() {
        var machine = ReloadMachine()
        _ = machine.handle(.previewRequested(1))
        #expect(machine.handle(.previewRequested(2)).isEmpty)
        #expect(machine.handle(.requested(3)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([1]), .read])
        #expect(machine.handle(.previewRequested(4)).isEmpty)
        #expect(machine.handle(.read(accepted: true)) == [.apply])
        #expect(machine.handle(.configured) == [.answer([3], .runs), .readForPreview])
        #expect(machine.handle(.read(accepted: true)) == [.answerPreview([2, 4])])
        #expect(machine.phase == .idle)
    }

    @Test("a worker that doesn't take the configuration is replaced, and its successor ends the reload")
    func timeout() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        _ = machine.handle(.read(accepted: true))
        #expect(machine.handle(.timeout) == [.replaceWorker])
        #expect(machine.handle(.workerEnded).isEmpty)
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
    }

    @Test("a worker that dies before it runs the new configuration is followed to its successor")
    func workerDies() {
        var machine = ReloadMachine()
        _ = machine.handle(.requested(1))
        _ = machine.handle(.read(accepted: true))
        #expect(machine.handle(.workerEnded).isEmpty)
        #expect(machine.phase == .applying)
        #expect(machine.handle(.configured) == [.answer([1], .runs)])
    }

    @Test("a configuration that no worker comes to run is taken back, and the next reload counts anew")
    func rollsBack() {
        var machine = ReloadMachine()
        for request in 1...2 as ClosedRange<UInt64> {
            _ = machine.handle(.requested(request))
            _ = machine.handle(.read(accepted: true))
            for _ in 1..<ReloadMachine.workersMax { #expect(machine.handle(.workerEnded).isEmpty) }
            #expect(machine.handle(.workerEnded) == [.rollBack, .answer([request], .failed)])
            #expect(machine.phase == .idle)
            #expect(machine.handle(.configured).isEmpty)
        }
    }
}

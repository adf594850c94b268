/// What happens during a reload.
package enum ReloadEvent: Hashable, Sendable {
    /// Somebody asks; the number is for the answer, 0 for a signal that wants none.
    case requested(UInt64)
    /// Somebody wants to know what a reload would do; the number is for the answer.
    case previewRequested(UInt64)
    /// The files were read and judged.
    case read(accepted: Bool)
    /// The worker runs the new generation.
    case configured
    /// The worker that was to run it is gone; its successor starts with the new generation.
    case workerEnded
    /// The worker hasn't answered in time.
    case timeout
}

/// What is to be done about it.
package enum ReloadAction: Hashable, Sendable {
    /// Read and judge the files in a child.
    case read
    /// The same, for those who only want to know.
    case readForPreview
    /// Tell these what a reload would do.
    case answerPreview([UInt64])
    /// Give the new generation to the worker.
    case apply
    /// Answer these requests.
    case answer([UInt64], ReloadEnd)
    /// The worker is to be replaced: it doesn't take the configuration.
    case replaceWorker
    /// Give the old configuration back to the worker: no worker runs the new one.
    case rollBack
}

/// How a reload ended.
package enum ReloadEnd: Hashable, Sendable {
    /// The worker said that it runs the new generation.
    case runs
    /// The files were refused; nothing was changed.
    case refused
    /// The files were accepted, but no worker came to run them; the old configuration was given back.
    case failed
}

/// One reload at a time: a request that comes while one runs is served by the next, because the files may have changed
/// after they were read. A preview is a reading of its own that is never applied. Everything is judged before anything is
/// applied (docs/decisions.md, D18).
///
/// A reload has succeeded when the worker has said that it runs the new generation, and not before: a worker that dies
/// over it is followed to its successor, and one that doesn't answer is replaced. When `workersMax` workers have ended
/// without running it, the configuration is at fault, and the old one is given back.
package struct ReloadMachine: Sendable {
    package enum Phase: Hashable, Sendable {
        case idle
        case reading
        case applying
        /// Reading for those who only want to know.
        case previewing
    }

    package private(set) var phase = Phase.idle
    /// Workers that may end over one new generation: one can die by chance, and one can hang.
    package static let workersMax = 3

    private var served: [UInt64] = []
    private var workersEnded = 0
    private var queued: [UInt64] = []
    private var queuedPreviews: [UInt64] = []

    /// No reload runs.
    package init() {}

    /// Applies an event; the result is to be done in order.
    package mutating func handle(_ event: ReloadEvent) -> [ReloadAction] {
        switch (phase, event) {
        case (.idle, .requested(let request)):
            queued.append(request)
            return begin()
        case (.idle, .previewRequested(let request)):
            queuedPreviews.append(request)
            return begin()
        case (.reading, .requested(let request)), (.applying, .requested(let request)),
            (.previewing, .requested(let request)):
            queued.append(request)
            return []
        case (.reading, .previewRequested(let request)), (.applying, .previewRequested(let request)),
            (.previewing, .previewRequested(let request)):
            queuedPreviews.append(request)
            return []
        case (.reading, .read(let accepted)):
            if accepted {
                phase = .applying
                workersEnded = 0
                return [.apply]
            }
            return finish(.refused)
        case (.previewing, .read):
            let answer = ReloadAction.answerPreview(served)
            return [answer] + begin()
        case (.applying, .configured):
            return finish(.runs)
        case (.applying, .workerEnded):
            workersEnded += 1
            return workersEnded < Self.workersMax ? [] : [.rollBack] + finish(.failed)
        case (.applying, .timeout):
            return [.replaceWorker]
        case (.idle, .read), (.idle, .configured), (.idle, .workerEnded), (.idle, .timeout), (.reading, .configured),
            (.reading, .workerEnded), (.reading, .timeout), (.applying, .read), (.previewing, .configured),
            (.previewing, .workerEnded), (.previewing, .timeout):
            return []
        }
    }

    private mutating func finish(_ end: ReloadEnd) -> [ReloadAction] {
        let answer = ReloadAction.answer(served.filter { $0 != 0 }, end)
        return [answer] + begin()
    }

    /// Starts what waits: reloads first, because a preview should speak of what comes after them.
    private mutating func begin() -> [ReloadAction] {
        if !queued.isEmpty {
            served = queued
            queued = []
            phase = .reading
            return [.read]
        }
        served = queuedPreviews
        queuedPreviews = []
        phase = served.isEmpty ? .idle : .previewing
        return served.isEmpty ? [] : [.readForPreview]
    }
}

/// Events of a reload.
package enum ReloadEvent: Hashable, Sendable {
    /// A reload is requested. The number is for the completion, 0 for a signal, which has none.
    case requested(UInt64)
    /// A dry run is requested. The number is for the completion.
    case previewRequested(UInt64)
    /// The files were read and checked.
    case read(accepted: Bool)
    /// The worker runs the new generation.
    case configured
    /// The worker that was to run it is gone. Its successor starts with the new generation.
    case workerEnded
    /// The worker hasn't applied it in time.
    case timeout
}

/// Actions of a reload.
package enum ReloadAction: Hashable, Sendable {
    /// Read and check the files in a child.
    case read
    /// The same for a dry run.
    case readForPreview
    /// Complete these dry runs.
    case answerPreview([UInt64])
    /// Give the new generation to the worker.
    case apply
    /// Complete these requests.
    case answer([UInt64], ReloadEnd)
    /// Replace the worker, which doesn't apply the configuration.
    case replaceWorker
    /// Give the old configuration back to the worker: no worker runs the new one.
    case rollBack
}

/// The end of a reload.
package enum ReloadEnd: Hashable, Sendable {
    /// The worker runs the new generation.
    case runs
    /// The files were refused. Nothing was changed.
    case refused
    /// The files were accepted, but no worker came to run them. The old configuration was given back.
    case failed
}

package enum ReloadPhase: Hashable, Sendable {
    case idle
    case reading
    case applying
    /// Reading for a dry run.
    case previewing
}

/// Performs one reload at a time: a request that comes meanwhile is served by the next one, because the files may have
/// changed after they were read. A dry run is a reading of its own that is never applied. Everything is checked before
/// anything is applied (docs/decisions, D18).
///
/// A reload succeeds when the worker reports that it runs the new generation. If the worker dies, its successor is waited
/// for; if it doesn't report in time, it is replaced. When `workersMax` workers have ended without running the new
/// generation, the configuration is at fault, and the old one is given back.
package struct ReloadMachine: Sendable {
    package private(set) var phase = ReloadPhase.idle
    /// Workers that may end with one new generation: one can die by chance, and one can hang.
    package static let workersMax = 3

    private var served: [UInt64] = []
    private var workersEnded = 0
    private var queued: [UInt64] = []
    private var queuedPreviews: [UInt64] = []

    package init() {}

    /// Applies an event. The actions are to be performed in order.
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

    /// Starts what waits: reloads first, because a dry run should show the changes after them.
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

import Base
import Configuration
import ConfigurationModel
import Reactor
import WorkerProtocol

extension String {
    /// With a full stop, unless it ends like a sentence already: what is quoted may be a question.
    var asSentence: String { hasSuffix(".") || hasSuffix("?") ? self : self + "." }
}

/// What a reload makes of files that were read. Strict (docs/decisions.md, D18): any error refuses the whole.
struct ReloadDecision {
    /// The new generation; nil when it is refused.
    var generation: Generation?
    var diagnostics: [Diagnostic] = []
    /// Why it is refused.
    var refusal = ""

    /// - Parameter number: what the new generation is called if it is accepted.
    init(_ outcome: ReadOutcome, file: String, host: HostProfile, number: UInt64) {
        switch outcome {
        case .failed(let reason): refusal = reason
        case .judged(let image, let model, let diagnostics):
            self.diagnostics = diagnostics
            if image.hasErrors || !image.canStart {
                refusal = Self.refusal(of: file, diagnostics)
            } else if let missing = host.missingCapability(for: model) {
                let place = diagnostics.first { $0.isAboutFirstScript && model.hasScripts }?.location
                refusal = place.map { "\($0): \(missing)" } ?? missing
            } else {
                generation = Generation(
                    number: number, image: image, model: model, diagnostics: diagnostics,
                    acceptedAt: Clock.wallNanoseconds)
            }
        }
    }

    /// How many errors there are, and where the first one is: a clause.
    static func refusal(of file: String, _ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.filter { $0.severity == .error }
        guard let first = errors.first else { return "\(file) has nothing that can run" }
        let place = first.location.map { "\($0.file):\($0.line): " } ?? ""
        let title = counted(errors.count, "error") + (errors.count == 1 ? "" : ", the first")
        return "\(file) has \(title): \(place)\(Printable.text(first.message, limit: 200))"
    }
}

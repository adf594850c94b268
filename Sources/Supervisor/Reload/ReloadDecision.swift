import Base
import Configuration
import ConfigurationModel
import Reactor
import WorkerProtocol

extension String {
    /// With a full stop, unless it ends like a sentence already: what is quoted may be a question.
    var asSentence: String { hasSuffix(".") || hasSuffix("?") ? self : self + "." }
}

/// The decision of a reload on the files. It is strict (docs/decisions, D18): any error refuses the whole.
struct ReloadDecision {
    /// The new generation; nil when the files are refused.
    var generation: Generation?
    var diagnostics: [Diagnostic] = []
    /// The reason of a refusal, a sentence without its end.
    var refusal = ""

    /// - Parameter number: the new generation's.
    init(_ outcome: ReadOutcome, file: String, host: HostProfile, number: UInt64) {
        switch outcome {
        case .failed(let reason): refusal = reason
        case .judged(let image, let model, let diagnostics):
            self.diagnostics = diagnostics
            if image.hasErrors || !image.canStart {
                refusal = Self.refusal(of: file, diagnostics)
                return
            }
            let new = Generation(
                number: number, image: image, model: model, diagnostics: diagnostics, acceptedAt: Clock.wallNanoseconds)
            if let missing = host.missingCapability(for: new) {
                let place = diagnostics.first { $0.isAboutFirstScript && model.hasScripts }?.location
                refusal = place.map { "\($0): \(missing)" } ?? missing
            } else {
                generation = new
            }
        }
    }

    /// Returns the number of errors and the place of the first one, a sentence without its end.
    static func refusal(of file: String, _ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.filter { $0.severity == .error }
        guard let first = errors.first else { return "\(file) has nothing that can run" }
        let place = first.location.map { "\($0.file):\($0.line): " } ?? ""
        let title = counted(errors.count, "error") + (errors.count == 1 ? "" : ", the first")
        return "\(file) has \(title): \(place)\(Printable.text(first.message, limit: 200))"
    }
}

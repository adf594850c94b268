import Base
import LoadBalancing

/// Compares bodies with digests and patterns.
struct BodyExaminer {
    func examine(_ examination: BodyExamination) -> BodyFinding {
        if let digest = examination.digest {
            let isRight = MD5.digest(of: examination.body) == digest
            guard isRight || examination.raw.map({ MD5.digest(of: $0) == digest }) == true else { return .wrongDigest }
        }
        // Checks with a pattern aren't started.
        return examination.pattern == nil ? .fits : .wrongPattern
    }
}

import Base

/// Particulars of a hasup-track's seal, where no scripts can come that would inherit that: it seals itself before it reads
/// a message.
struct TrackSeal: Equatable {
    /// The folders of init_file, in which alone it writes.
    var folders: [String]
    /// hasup-tracks before it, which may have left runs: it can't end anything later.
    var formers: [ProcessIdentity]

    init(folders: [String], formers: [ProcessIdentity]) {
        self.folders = folders
        self.formers = formers
    }

    private static let word = "sealed"

    var words: [String] {
        [Self.word, "\(formers.count)"] + formers.flatMap { ["\($0.pid)", "\($0.startTicks)"] } + folders
    }

    /// Nil for other words than those.
    init?(words: [String]) {
        guard words.count > 1, words[0] == Self.word, let count = Int(words[1]), count >= 0,
            words.count - 2 >= 2 * count
        else { return nil }
        formers = []
        for index in 0..<count {
            guard let pid = Int32(words[2 + 2 * index]), pid > 1, let ticks = UInt64(words[3 + 2 * index]) else {
                return nil
            }
            formers.append(ProcessIdentity(pid: pid, startTicks: ticks))
        }
        folders = Array(words[(2 + 2 * count)...])
    }
}

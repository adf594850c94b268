import ConfigurationModel

/// The candidate that a misspelled word most probably meant, nil when none is near.
package func nearestWord(to word: String, among candidates: [String]) -> String? {
    nearestWords(to: word, among: candidates, limit: 1).first
}

/// The candidates that a misspelled word may have meant, nearest first.
package func nearestWords(to word: String, among candidates: [String], limit: Int = 5) -> [String] {
    let written = Array(word.utf8.prefix(64))
    // One error in three letters is a misspelling; more is another word.
    let tolerance = max(1, written.count / 3)
    var near: [(word: String, distance: Int)] = []
    for candidate in candidates where abs(candidate.utf8.count - written.count) <= tolerance {
        let distance = editDistance(written, Array(candidate.utf8))
        guard distance <= tolerance, near.count < limit || distance < near[limit - 1].distance else { continue }
        // Behind those that are as near: the first of equals wins.
        near.insert((candidate, distance), at: near.firstIndex { distance < $0.distance } ?? near.endIndex)
        if near.count > limit { near.removeLast() }
    }
    return near.map(\.word)
}

extension String {
    /// A message and what else is to be said: behind a question it is a sentence of its own.
    func followed(by clause: String) -> String {
        hasSuffix("?") ? "\(self) \(clause.prefix(1).uppercased())\(clause.dropFirst())" : "\(self); \(clause)"
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word of the other (Damerau 1964, in the
/// restricted form).
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var before = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for i in 1...left.count {
        var row = [i]
        row.reserveCapacity(right.count + 1)
        for j in 1...right.count {
            var cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1))
            if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                cost = min(cost, before[j - 2] + 1)
            }
            row.append(cost)
        }
        before = last
        last = row
    }
    return last[right.count]
}

extension Elaborator {
    /// Limit of searches for what a misspelled name may have meant. Each costs as much as there are names.
    static let maximumSuggestions = 100

    /// The nearest name to a misspelled one, for the end of a message; empty when nothing is near.
    ///
    /// - Parameter candidates: the names that the configuration has. They are only listed when they are looked at.
    mutating func suggestion(for name: String, among candidates: @autoclosure () -> [String]) -> String {
        suggestedName(for: name, among: candidates()).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// The nearest name to a misspelled one; nil when nothing is near, or after too many searches.
    mutating func suggestedName(for name: String, among candidates: @autoclosure () -> [String]) -> String? {
        guard !diagnostics.isFull, shared.suggestions < Self.maximumSuggestions else { return nil }
        shared.suggestions += 1
        return nearestWord(to: name, among: candidates())
    }
}

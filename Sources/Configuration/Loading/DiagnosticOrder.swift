import ConfigurationModel

extension LoadedConfiguration {
    /// The findings as people read them: in the order of the files and of the lines in them. Notes stay behind what they
    /// belong to.
    package var orderedDiagnostics: [Diagnostic] { ordered(with: nil) }

    /// The same with a note that belongs to no other finding.
    package func ordered(with note: Diagnostic?) -> [Diagnostic] {
        var ranks: [String: Int] = [:]
        for (rank, path) in paths.enumerated() where ranks[path] == nil { ranks[path] = rank }
        var groups: [(place: (Int, Int, Int), findings: [Diagnostic])] = []
        for finding in diagnostics {
            let isLast = finding.severity == .note && finding.location == nil
            guard finding.severity != .note || groups.isEmpty || isLast else {
                groups[groups.count - 1].findings.append(finding)
                continue
            }
            // What is about no place comes first; that there is more comes last.
            let place = finding.location.map { (ranks[$0.file] ?? paths.count, $0.line, $0.column) }
            groups.append((place ?? (isLast ? .max : -1, 0, 0), [finding]))
        }
        if let note, let location = note.location {
            groups.append(((ranks[location.file] ?? paths.count, location.line, location.column), [note]))
        }
        // Equals stay in the order in which they were found.
        return groups.enumerated()
            .sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
            .flatMap(\.element.findings)
    }
}

private func < (left: ((Int, Int, Int), Int), right: ((Int, Int, Int), Int)) -> Bool {
    left.0 == right.0 ? left.1 < right.1 : left.0 < right.0
}

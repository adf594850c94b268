import ConfigurationModel

/// The name by which a process counts for a vrrp_track_process: by its name in the kernel, or, with full_command,
/// param_match or parameters, by its command line. Nothing is a pattern (keepalived.conf(5)).
package struct ProcessMatch: Hashable, Sendable {
    private enum Comparison: Hashable {
        case name
        case commandLine
        case beginningOfCommandLine
    }

    private let rule: Comparison
    /// A name, or words that end with NUL each; at the beginning of a command line, the last end may be missing.
    private let bytes: [UInt8]

    package init(_ process: TrackProcess) {
        let words = [process.process] + process.parameters
        guard process.looksAtCommandLine else {
            rule = .name
            bytes = Array(process.process.utf8)
            return
        }
        var line: [UInt8] = []
        for word in words { line += Array(word.utf8) + [0] }
        switch process.match {
        case .exact: rule = .commandLine
        case nil: rule = process.parameters.isEmpty ? .beginningOfCommandLine : .commandLine
        case .partial: rule = .beginningOfCommandLine
        case .initial:
            rule = .beginningOfCommandLine
            if !process.parameters.isEmpty { line.removeLast() }
        }
        bytes = line
    }

    /// Bytes of a command line that have to be known; 0 if it isn't looked at.
    package var commandLineMax: Int { rule == .name ? 0 : bytes.count + 1 }

    /// - Parameters:
    ///   - name: the kernel's name of a process: 15 bytes at most.
    ///   - commandLine: the beginning of its command line; empty for a thread of the kernel.
    package func matches(name: some Collection<UInt8>, commandLine: some Collection<UInt8>) -> Bool {
        switch rule {
        case .name: name.elementsEqual(bytes)
        case .commandLine:
            commandLine.elementsEqual(bytes) || (commandLine.elementsEqual(bytes.dropLast()) && !commandLine.isEmpty)
        case .beginningOfCommandLine:
            // A process that has written over its command line may have left out the end.
            commandLine.starts(with: bytes)
                || (bytes.last == 0 && !commandLine.isEmpty && commandLine.elementsEqual(bytes.dropLast()))
        }
    }
}

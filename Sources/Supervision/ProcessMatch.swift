import ConfigurationModel

/// The processes that count for a vrrp_track_process: by their names in the kernel, or, with full_command, param_match or
/// parameters, by their command lines. Nothing is a pattern (keepalived.conf(5)).
package struct ProcessMatch: Hashable, Sendable {
    private enum Subject: Hashable {
        case name
        case commandLine
        case beginningOfCommandLine
    }

    private let subject: Subject
    /// A name, or words that end with NUL each; at the beginning of a command line, the last end may be missing.
    private let bytes: [UInt8]

    package init(_ process: TrackProcess) {
        let words = [process.process] + process.parameters
        guard process.looksAtCommandLine else {
            subject = .name
            bytes = Array(process.process.utf8)
            return
        }
        var line: [UInt8] = []
        for word in words { line += Array(word.utf8) + [0] }
        switch process.match {
        case .exact: subject = .commandLine
        case nil: subject = process.parameters.isEmpty ? .beginningOfCommandLine : .commandLine
        case .partial: subject = .beginningOfCommandLine
        case .initial:
            subject = .beginningOfCommandLine
            if !process.parameters.isEmpty { line.removeLast() }
        }
        bytes = line
    }

    /// Bytes of a command line that have to be known; 0 if it isn't looked at.
    package var commandLineMax: Int { subject == .name ? 0 : bytes.count + 1 }

    /// - Parameters:
    ///   - name: the kernel's name of a process: 15 bytes at most.
    ///   - commandLine: the beginning of its command line; empty for a thread of the kernel.
    package func matches(name: some Collection<UInt8>, commandLine: some Collection<UInt8>) -> Bool {
        switch subject {
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

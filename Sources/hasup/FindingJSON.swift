import Configuration
import ConfigurationModel
import Varlink

/// Findings for programs: shaped as in the Language Server Protocol 3.17 (Diagnostic), with the file's path in place
/// of a URI. Lines and characters count from 0, characters in UTF-16 code units.
enum FindingJSON {
    /// `{"files": [...], "diagnostics": [...]}`.
    static func render(_ nodes: [ClusterNode], cluster: [Diagnostic]) -> [UInt8] {
        var writer = JSONWriter(capacity: 4_096)
        writer.beginObject()
        writer.name("files")
        writer.beginArray()
        for node in nodes {
            writer.beginObject()
            writer.name("file")
            writer.write(node.path)
            writer.name("canStart")
            writer.write(node.loaded.canStart)
            writer.name("canReload")
            writer.write(node.loaded.canStart && !node.loaded.hasErrors)
            writer.name("inFault")
            writer.beginArray()
            for fault in node.loaded.startFaults {
                writer.beginObject()
                writer.name("instance")
                writer.write(fault.name)
                writer.name("reason")
                writer.write(fault.reason)
                writer.endObject()
            }
            writer.endArray()
            writer.name("summary")
            writer.write(node.loaded.summary)
            writer.endObject()
        }
        writer.endArray()
        writer.name("diagnostics")
        writer.beginArray()
        for findings in nodes.map(\.loaded.findingsOfCheck) + [cluster] { write(findings, into: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ findings: [Diagnostic], into writer: inout JSONWriter) {
        var next = 0
        while next < findings.count {
            let first = next
            next += 1
            // A note belongs to the finding before it.
            while next < findings.count, findings[next].severity == .note { next += 1 }
            write(findings[first], notes: findings[(first + 1)..<next], into: &writer)
        }
    }

    private static func write(_ finding: Diagnostic, notes: ArraySlice<Diagnostic>, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("file")
        if let location = finding.location { writer.write(location.file) } else { writer.write(JSON.null) }
        writer.name("range")
        write(rangeOf: finding, into: &writer)
        writer.name("severity")
        writer.write(severity(finding.severity))
        writer.name("code")
        writer.write(finding.code.rawValue)
        writer.name("source")
        writer.write("hasup")
        writer.name("message")
        writer.write(finding.message)
        if finding.severity == .error, finding.atStart != .inMessage {
            // LSP 3.17: what a server keeps with a diagnostic for itself.
            writer.name("data")
            writer.beginObject()
            writer.name("atStart")
            writer.write(finding.atStart.text)
            writer.endObject()
        }
        let related = finding.includedFrom.map { Diagnostic(.note, "included from here", at: $0) } + notes
        if !related.isEmpty {
            writer.name("relatedInformation")
            writer.beginArray()
            for note in related { write(related: note, into: &writer) }
            writer.endArray()
        }
        writer.endObject()
    }

    private static func write(related note: Diagnostic, into writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("location")
        writer.beginObject()
        writer.name("file")
        if let location = note.location { writer.write(location.file) } else { writer.write(JSON.null) }
        writer.name("range")
        write(rangeOf: note, into: &writer)
        writer.endObject()
        writer.name("message")
        writer.write(note.message)
        writer.endObject()
    }

    private static func write(rangeOf finding: Diagnostic, into writer: inout JSONWriter) {
        let line = Int64(max(0, (finding.location?.line ?? 1) - 1))
        let bytes = Array((finding.sourceLine ?? "").utf8)
        let start = max(0, (finding.location?.column ?? 1) - 1)
        // Without the line's text there is nothing to measure.
        let end = bytes.isEmpty ? start : min(bytes.count, start + max(1, finding.length))
        func characters(_ offset: Int) -> Int {
            bytes.isEmpty ? offset : String(decoding: bytes[..<min(offset, bytes.count)], as: UTF8.self).utf16.count
        }
        writer.beginObject()
        for (name, offset) in [("start", start), ("end", max(start, end))] {
            writer.name(name)
            writer.beginObject()
            writer.name("line")
            writer.write(line)
            writer.name("character")
            writer.write(Int64(characters(offset)))
            writer.endObject()
        }
        writer.endObject()
    }

    /// DiagnosticSeverity: 1 error, 2 warning, 3 information.
    private static func severity(_ severity: Severity) -> Int64 {
        switch severity {
        case .error: 1
        case .warning: 2
        case .note: 3
        }
    }
}

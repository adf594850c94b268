import Base
import Configuration
import ConfigurationModel

/// The text of a bug report: sections one after the other, so that it can be looked over before it is sent.
struct Report {
    /// The omissions with their reasons, a line each.
    private(set) var omissions: [String] = []
    private var sections: [(title: String, body: String)] = []

    mutating func add(_ title: String, _ body: String) { sections.append((title, body)) }

    mutating func add(_ title: String, _ body: [UInt8]) { add(title, String(decoding: body, as: UTF8.self)) }

    /// Adds an omission.
    mutating func omit(_ what: String) { omissions.append(what) }

    /// The whole text without these secrets.
    func render(without secrets: SecretFinder) -> String {
        var text = "A report on hasup, made by `hasup report`. Omissions are listed at its end.\n"
        for (title, body) in sections { text += Self.part(title, secrets.redacted(body)) }
        let list = omissions.isEmpty ? "nothing" : omissions.map { "- \($0)" }.joined(separator: "\n")
        return text + Self.part("Left out", secrets.redacted(list))
    }

    private static func part(_ title: String, _ body: String) -> String {
        let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
            .map { Printable.text(String($0).replacing("\t", with: "    ")) }
        var text = lines.joined(separator: "\n")
        while text.hasSuffix("\n") { text.removeLast() }
        return "\n===== \(title) =====\n\n\(text)\n"
    }
}

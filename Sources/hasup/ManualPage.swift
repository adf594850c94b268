import Configuration
import ConfigurationModel

/// The keyword table as hasup.conf(5), in mdoc.
enum ManualPage {
    static func text(_ table: KeywordTable) -> String {
        var lines = head
        for context in table.contexts where context != "(lexical)" {
            lines += [".Ss \(title(of: context))", ".Bl -tag -width Ds"]
            for keyword in table.keywords(in: context) { lines += item(keyword) }
            lines.append(".El")
        }
        return (lines + foot + examples + seeAlso).joined(separator: "\n") + "\n"
    }

    private static let head = #"""
        .\" Made from the keyword table by make docs.
        .Dd November 24, 2026
        .Dt HASUP.CONF 5
        .Os
        .Sh NAME
        .Nm hasup.conf
        .Nd configuration of hasupd, which is keepalived.conf
        .Sh DESCRIPTION
        .Xr hasupd 8
        reads
        .Pa /etc/keepalived/keepalived.conf
        as it is.
        .Ic hasup check
        prints the findings about a file,
        .Ic hasup fmt
        formats it, and
        .Ic hasup explain Ar keyword
        prints the entry of one keyword.
        .Ss Lines
        A line is a keyword with its values, separated by blanks.
        Values with blanks are put in double quotes, which have no escapes inside.
        Braces outside double quotes begin and end blocks.
        The values of keywords that run a program are one quoted word, which is read again by rules like a shell's: single
        and double quotes, and a backslash before what is to be taken literally.
        .Pp
        .Ql #
        and
        .Ql \&!
        begin a comment outside double quotes unless a backslash precedes them.
        A line has at most 1023 bytes.
        .Ss Before a line is split into words
        .Bl -tag -width Ds
        """#.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        + KeywordTable.shared.keywords(in: "(lexical)").flatMap(item) + [
            ".El", ".Sh KEYWORDS", "A keyword that isn't handled yet gives a warning and has no effect.",
            "Entries of list blocks are one a line.",
        ]

    private static let foot = #"""
        .Sh FILES
        .Bl -tag -width Ds
        .It Pa /etc/keepalived/keepalived.conf
        The configuration, unless
        .Xr hasupd 8
        is given another file.
        .It Pa guard.conf
        Beside it, the
        .Ql cluster
        blocks of the split-brain guard, which keepalived doesn't read.
        The same blocks may stand in the configuration with
        .Ql @hasup
        before each of their lines.
        .El
        """#.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    private static var examples: [String] {
        var lines = [".Sh EXAMPLES"]
        for example in ManualExamples.all {
            lines += [".Pp", line(example.about)]
            for file in example.files {
                lines += [".Pp", "On \(file.name):", ".Bd -literal -offset indent"]
                lines += file.text.split(separator: "\n").map { line(String($0)) }
                lines.append(".Ed")
            }
        }
        return lines
    }

    private static let seeAlso = #"""
        .Sh SEE ALSO
        .Xr hasup 1 ,
        .Xr hasupd 8 ,
        .Xr keepalived.conf 5
        """#.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    private static func title(of context: String) -> String {
        if context == "(root)" { return "Top level" }
        return argument(context.hasSuffix(" (entry)") ? "Entries of " + context.dropLast(8) : context)
    }

    private static func item(_ keyword: Keyword) -> [String] {
        let values =
            keyword.arguments == "-" || keyword.arguments == "flag" ? "" : " Ar \(breakable(keyword.arguments))"
        var sentences = [sentence(keyword.meaning)]
        if keyword.defaultValue != "-" { sentences.append("Default: \(keyword.defaultValue).") }
        if keyword.range != "-" { sentences.append("Range: \(keyword.range).") }
        if let unit = keyword.unit { sentences.append("Unit: \(KeywordReference.word(for: unit)).") }
        if let since = keyword.since { sentences.append("Since \(KeywordReference.sentence(since: since)).") }
        switch keyword.status {
        case .acts: break
        case .accepted(let reason): sentences.append("No effect: \(reason).")
        case .notYet, .typed: sentences.append("Not handled yet.")
        case .refused(let reason): sentences.append("Refused: \(reason).")
        }
        return [".It Ic \(argument(keyword.name))\(values)"] + sentences.map(line)
    }

    private static func sentence(_ text: String) -> String {
        let first = text.prefix(1).uppercased() + text.dropFirst()
        return first.hasSuffix(".") ? first : first + "."
    }

    /// Text that a macro takes as it is.
    private static func argument(_ text: String) -> String {
        "\"\\&" + escaped(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            + "\""
    }

    /// Values that may be broken after each alternative, or a long list would leave its line.
    private static func breakable(_ text: String) -> String {
        argument(text).split(separator: "|", omittingEmptySubsequences: false).joined(separator: "|\\:")
    }

    /// A line of text; one that begins like a request doesn't.
    private static func line(_ text: String) -> String {
        let text = escaped(text)
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }

    private static func escaped(_ text: String) -> String {
        text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\e")
    }
}

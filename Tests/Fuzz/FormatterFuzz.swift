import Configuration
import ConfigurationModel

/// The formatter, on the text of a configuration.
enum FormatterFuzz: FuzzTarget {
    static func seeds() -> [[UInt8]] { ConfigurationFuzz.seeds() + (quotes + [quotes.joined()]).map { Array($0.utf8) } }

    /// Quotes behind backslashes, which the corpus has few of.
    private static let quotes = [
        #"""
        vrrp_script s {
            script '/bin/sh -c \"  {\"'
        }
        vrrp_instance A {
            notify_backup "/bin/echo \"a  b\" # \"c\"" root
            notify_fault /bin/echo\ \"a\" # "
        }

        """#,
        #"""
        vrrp_instance B {
            notify_master '/bin/echo a\"b'
            notify "a\\" { \"}
        }

        """#,
    ]

    static func run(_ input: UnsafeRawBufferPointer) {
        // A file that is broken is left alone.
        guard let once = try? formatConfiguration(Array(input), path: "fuzz.conf") else { return }
        let twice = try? formatConfiguration(once, path: "fuzz.conf")
        precondition(twice == once, "the layout isn't stable")
        let (before, after) = (ConfigurationFuzz.load(Array(input)), ConfigurationFuzz.load(once))
        // Where a brace is missing, lines of their own may begin other blocks than parts of a line: still an error.
        guard before.errorCount == 0 else { return precondition(after.errorCount > 0, "the layout hides errors") }
        precondition(after.errorCount == 0, "the layout makes errors")
        precondition(before.model.ignoredSettings == after.model.ignoredSettings, "the layout changes what counts")
        precondition(
            before.model.instances.map(\.name) == after.model.instances.map(\.name), "the layout changes the meaning")
    }
}

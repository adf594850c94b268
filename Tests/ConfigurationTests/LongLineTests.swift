import ConfigurationModel
import Testing

@testable import Configuration

@Suite struct LongLineTests {
    private static func effective(_ text: String) -> String {
        let files = SampleFiles(["t.conf": text])
        return String(
            decoding: effectiveConfiguration(path: "t.conf", files: files, environment: Environment()), as: UTF8.self)
    }

    private static func words(_ text: String) -> [String] {
        var preprocessor = Preprocessor(SampleFiles(["t.conf": text]), Environment())
        _ = preprocessor.run(mainPath: "t.conf")
        #expect(preprocessor.diagnostics.errorCount == 0, "\(preprocessor.diagnostics.diagnostics.map(\.message))")
        return preprocessor.text.tokens.map { "\($0.kind)\($0.startsLine)" + preprocessor.text.string($0) }
    }

    /// A line that definitions make too long is printed so that it is read as the same words again.
    @Test(arguments: [
        String(repeating: "word ", count: 190), String(repeating: "x", count: 900),
        "a \"" + String(repeating: "q ", count: 430) + "\"", "\"" + String(repeating: "#! ", count: 250) + "\" b",
        "a" + String(repeating: "\\#", count: 400),
        "it's " + String(repeating: "$ { } ", count: 150), String(repeating: "ä ", count: 300),
    ])
    func aLongLineIsReadAsItWas(_ part: String) {
        let text = "$A=\(part)\nkeyword $A z $A {\n}\n"
        let printed = Self.effective(text)
        #expect(printed.split(separator: "\n").allSatisfy { $0.utf8.count <= Preprocessor.maximumLineLength })
        #expect(printed.contains("$HASUP_PART_1="))
        #expect(Self.words(printed) == Self.words(text))
    }

    @Test func aShortLineIsLeftAlone() {
        #expect(!Self.effective("keyword \(String(repeating: "x", count: 1_000))\n").contains("$"))
    }

    @Test func aBraceDoesNotMakeALineTooLong() {
        let line = "keyword \(String(repeating: "x", count: 1_014))"
        let printed = Self.effective("\(line)\n{\n}\n")
        #expect(line.utf8.count == 1_022)
        #expect(printed.hasPrefix("\(line)\n"))
        #expect(Self.words(printed) == Self.words("\(line)\n{\n}\n"))
    }
}

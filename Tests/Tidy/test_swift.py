"""The reader of Swift itself."""

import swift

CODE = r'''
let a = "x\"}\(f("}", { "\(y)" }))" + #"\(z)"}"# + #""""# // "
let b = """
    "quoted" \(g(
        "}")) }
    """
let c = text.firstRange(of: /[/"}]+\/"/) / 2
/* { /* " */ { */
protocol P { func requirement() -> Int; var value: Int { get } }
final class `class` {
    var computed: Int { 1 }
    var stored = { 2 }()
    class func make(_ body: () -> Void = {}) {
        let local = a.protocol
    }
}
'''


def test_tokens():
    """Texts in texts, raw ones, lines, regular expressions, comments that nest."""
    lexer = swift.Lexer(CODE)
    assert [(token.text, token.line) for token in lexer.tokens if token.kind == "string"] == [
        ("x\\\"}\\(…)", 2), ("}", 2), ("\\(…)", 2), ("\\(z)\"}", 2), ("\"\"", 2),
        ("\n    \"quoted\" \\(…)\n }\n    ", 3), ("}", 5)]
    assert [token.text for token in lexer.tokens if token.kind == "expression"] == [r'/[/"}]+\/"/']
    assert [(comment.text, comment.line) for comment in lexer.comments] == [('"', 2), ('{ /* " */ {', 8)]
    brackets = [token.text for token in lexer.tokens if token.kind == "sign"]
    assert brackets.count("{") == brackets.count("}") == 8 and brackets.count("(") == brackets.count(")")


def test_declarations():
    """Their kinds, names and ends; what is inside of functions is their own."""
    parser = swift.Parser(swift.Lexer(CODE).tokens)
    assert [(item.kind, item.name, item.line, item.end) for item in parser.declarations] == [
        ("let", "a", 2, 2), ("let", "b", 3, 3), ("let", "c", 7, 7), ("protocol", "P", 9, 9),
        ("func", "requirement", 9, 9), ("var", "value", 9, 9), ("class", "class", 10, 16),
        ("var", "computed", 11, 11), ("var", "stored", 12, 12), ("func", "make", 13, 15)]

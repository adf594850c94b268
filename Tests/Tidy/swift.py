"""Reads Swift as far as the rules need it: tokens, comments, declarations."""

import collections
import re

# A token's kind is "word", "string", "number", "operator", "expression" (a regular one) or "sign". `text` of a string
# is its contents, with `\(…)` in place of each interpolation, whose tokens follow. `tight`: no space before it.
Token = collections.namedtuple("Token", "kind text line tight")
# `is_doc`: begins with three slashes.
Comment = collections.namedtuple("Comment", "text line is_doc")

SCANNER = re.compile(
    r'(?P<space>\s+)|(?P<comment>//[^\n]*)|(?P<block>/\*)|(?P<string>\#*"(?:""(?=[ \t]*\n))?)'
    r'|(?P<word>`\w+`|[^\W\d]\w*|[@#$]\w+)|(?P<number>\d[\w]*(?:\.\d\w*)?)'
    r'|(?P<operator>[-+*/%=<>!&|^~?]+|\.\.[.<])|(?P<sign>.)')
# A regular expression, where a value begins.
EXPRESSION = re.compile(r"/(?![\s/*])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\n\\])+/")
VALUE_BEFORE = {"(", ",", ":", "[", "{", "=", "return", "in"}
BLOCK = re.compile(r"/\*|\*/")

TYPES = {"struct", "class", "enum", "actor", "protocol"}
FUNCTIONS = {"init", "deinit", "subscript"}
AFTER_CLASS = {"func", "var", "let", "subscript"}


class Lexer:
    """Splits one file into `tokens` and `comments`."""

    def __init__(self, text):
        self.text, self.line = text, 1
        self.tokens, self.comments = [], []
        self.scan(0, False)

    def scan(self, at, is_interpolation):
        """Reads to the end, or to the parenthesis that ends an interpolation; returns the place after it."""
        depth, tight = 0, False
        while at < len(self.text):
            match = SCANNER.match(self.text, at)
            if match.group().startswith("/") and self.tokens and self.tokens[-1].text in VALUE_BEFORE:
                match = EXPRESSION.match(self.text, at) or match
            kind, text, at = match.lastgroup or "expression", match.group(), match.end()
            if kind == "space":
                self.line += text.count("\n")
            elif kind == "comment":
                is_doc = re.match("///(?!/)", text) is not None
                self.comments.append(Comment(text.lstrip("/").strip(), self.line, is_doc))
            elif kind == "block":
                at = self.block(at)
            elif kind == "string":
                at = self.string(text, at, tight)
            else:
                self.tokens.append(Token(kind, text, self.line, tight))
                depth += (text == "(") - (text == ")")
                if is_interpolation and depth == 0:
                    return at
            tight = kind not in ("space", "comment", "block")
        return at

    def block(self, at):
        """Passes a comment between /* and */, which nest."""
        begin, line, depth = at, self.line, 1
        while depth:
            match = BLOCK.search(self.text, at)
            if match is None:
                at = len(self.text)
                break
            depth, at = depth + (1 if match.group() == "/*" else -1), match.end()
        self.comments.append(Comment(self.text[begin:at].removesuffix("*/").strip(), line, False))
        self.line += self.text.count("\n", begin, at)
        return at

    def string(self, opening, at, tight):
        """Reads the rest of a literal that begins with `opening`."""
        hashes = "#" * opening.count("#")
        closing, escape = opening.lstrip("#") + hashes, "\\" + hashes
        stop = re.compile(f"{re.escape(closing)}|{re.escape(escape)}")
        begin, place, parts = self.line, len(self.tokens), []
        while True:
            match = stop.search(self.text, at)
            end = match.start() if match else len(self.text)
            parts.append(self.text[at:end])
            self.line += self.text.count("\n", at, end)
            if match is None or match.group() == closing:
                at = match.end() if match else end
                break
            if self.text.startswith("(", match.end()):
                line = self.line
                at = self.scan(match.end(), True)
                parts.append("\\(…)" + "\n" * (self.line - line))
            else:
                at = match.end() + 1
                parts.append(self.text[match.start():at])
                self.line += self.text.count("\n", match.end(), at)
        self.tokens.insert(place, Token("string", "".join(parts), begin, tight))
        return at


class Declaration:
    """A name that a file declares. `kind` is the keyword, `index` the name's token, `end` the line of its last brace,
    `has_raw_value` whether an enumeration's cases stand for numbers or texts."""

    def __init__(self, kind, name, line, index, scope):
        self.kind, self.name, self.line, self.index = kind, name.strip("`"), line, index
        self.scope, self.end, self.has_raw_value, self.modifiers = scope, line, False, set()


class Parser:
    """Finds the declarations of types, functions and cases, and those of variables outside of functions."""

    def __init__(self, tokens):
        self.tokens, self.declarations = tokens, []
        self.stack = []  # What each open bracket belongs to: a declaration, or None.
        self.pending, self.depth = None, 0  # The declaration that the next brace of that depth opens.
        for index, token in enumerate(tokens):
            if token.kind == "sign":
                self.bracket(token)
            elif token.kind == "word" and not self.is_member(index):
                self.word(index, token.text)
            elif token.text == "=" and self.pending and self.pending.kind == "var" and len(self.stack) == self.depth:
                self.pending = None

    def text(self, index):
        """The token's text; empty behind the last one."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def is_word(self, index):
        """Says if a name can stand there."""
        return index < len(self.tokens) and self.tokens[index].kind == "word"

    def is_member(self, index):
        """Says if a point precedes the word, or a colon follows: then it's no keyword."""
        return self.text(index - 1) == "." or (self.text(index + 1) == ":" and self.tokens[index + 1].tight)

    def bracket(self, token):
        """Opens or closes a scope."""
        if token.text == "{" and self.pending and len(self.stack) == self.depth:
            self.stack.append(self.pending)
            self.pending = None
        elif token.text in "{([":
            self.stack.append(None)
        elif token.text in "})]" and self.stack:
            if len(self.stack) == self.depth:
                self.pending = None
            closed = self.stack.pop()
            if closed:
                closed.end = token.line

    def add(self, kind, index):
        """Notes a declaration whose name is that token."""
        scope = self.stack[-1] if self.stack else None
        declaration = Declaration(kind, self.text(index), self.tokens[index].line, index, scope)
        before = index - 2
        while self.is_word(before) and before >= 0:
            declaration.modifiers.add(self.text(before))
            before -= 1
        self.declarations.append(declaration)
        return declaration

    def open(self, declaration):
        """Expects the body of a declaration."""
        self.pending, self.depth = declaration, len(self.stack)

    def word(self, index, text):
        """Acts on a keyword."""
        scope = self.stack[-1] if self.stack else None
        is_in_type = scope is not None and (scope.kind in TYPES or scope.kind == "extension")
        is_outside = is_in_type or not self.stack
        if text in TYPES and self.is_word(index + 1) and self.text(index + 1) not in AFTER_CLASS:
            declaration = self.add(text, index + 1)
            declaration.has_raw_value = text == "enum" and self.text(index + 2) == ":" and re.fullmatch(
                r"U?Int\d*|String", self.text(index + 3)) is not None
            self.open(declaration)
        elif text == "extension" and self.is_word(index + 1) and not self.stack:
            self.open(Declaration(text, self.text(index + 1), self.tokens[index].line, index + 1, None))
        elif text == "typealias" and self.is_word(index + 1):
            self.add(text, index + 1)
        elif text == "func":
            self.open(self.add(text, index + 1))
        elif text in FUNCTIONS and is_in_type:
            self.open(Declaration(text, text, self.tokens[index].line, index, scope))
            self.declarations.append(self.pending)
        elif text in ("var", "let") and is_outside:
            self.variables(index, text)
        elif text == "case" and is_in_type and scope.kind == "enum":
            self.cases(index + 1)

    def variables(self, index, kind):
        """Notes the names after var or let."""
        at = index + 1
        if self.text(at) == "(":
            while self.text(at) in ("(", ",") and self.is_word(at + 1):
                self.add(kind, at + 1)
                at += 2
            return
        while self.is_word(at):
            declaration = self.add(kind, at)
            if kind == "var":
                self.open(declaration)
            if self.text(at + 1) != ",":
                return
            at += 2

    def cases(self, at):
        """Notes the names of cases."""
        while self.is_word(at):
            self.add("case", at)
            at += 1
            if self.text(at) == "(":
                depth = 0
                while at < len(self.tokens):
                    depth += (self.text(at) in "([{") - (self.text(at) in ")]}") if self.text(at) else 0
                    at += 1
                    if depth == 0:
                        break
            if self.text(at) == "=":
                at += 2
                while self.text(at) not in (",", "}", "case") and at < len(self.tokens) \
                        and self.tokens[at].line == self.tokens[at - 1].line:
                    at += 1
            if self.text(at) != ",":
                return
            at += 1

"""Constructs that end a daemon, or say more than they should."""

import re

import tree
from tree import demand

# Where print is the program's answer: the commands, and hasupd when it is asked something on its command line.
COMMANDS = {"hasup", "Simulator"}
ANSWERS = {
    "Sources/Supervisor/Daemon/Start.swift": "hasupd --help, --signum and --formats",
    "Sources/Supervisor/Handover/CandidateCheck.swift": "hasupd --check, which another hasupd reads",
}
DECLARED = {"class", "func", "var", "let", "subscript", "init"}


def unsafe_constructs(repository):
    """try!, as!, postfix !, fatalError, public, open, reflection and print, where they have no place."""
    found, excused = [], set()
    for source in repository.swift("Sources/"):
        tokens = source.tokens
        for index, token in enumerate(tokens):
            place = f"{source.path}:{token.line}: "
            before, after = tokens[max(index - 1, 0)], tokens[min(index + 1, len(tokens) - 1)]
            call = after.text == "(" and after.kind == "sign" and before.text not in (".", "func")
            if is_forced(tokens, index):
                found.append(f"{place}{before.text}! ends the process if it's wrong: use guard, or throw a typed error")
            elif token.kind != "word":
                continue
            elif token.text == "fatalError" and call:
                found.append(f"{place}fatalError: throw a typed error that says what to do")
            elif token.text == "public" or (token.text == "open" and after.text in DECLARED and before.text != "."):
                found.append(f"{place}{token.text}: write package: nothing outside of this package links the rooms")
            elif token.text == "Mirror" and call or token.text == "String" and call and is_reflecting(tokens, index):
                found.append(f"{place}{token.text}: reflection is slow and follows names: list the fields")
            elif token.text == "print" and call and source.room not in COMMANDS:
                excused.add(source.path)
                if source.path not in ANSWERS:
                    found.append(f"{place}print: log it, or return it to the command that prints it")
    return found + [f"Tests/Tidy/test_safety.py:1: {path} prints nothing: take it off ANSWERS"
                    for path in ANSWERS if path in repository.files and path not in excused]


def is_reflecting(tokens, index):
    """Says if a call's first argument is labelled so."""
    return [token.text for token in tokens[index + 2:index + 3]] == ["reflecting"]


def is_forced(tokens, index):
    """Says if a token is a ! after a value, a type, try or as. The compiler tells it from others by the spaces, too."""
    token = tokens[index]
    if token.kind != "operator" or not re.match(r"[>?]*!(?!=)", token.text) or not token.tight or not index:
        return False
    before = tokens[index - 1]
    return before.kind in ("word", "number", "string") or before.text in (")", "]", "}", ">", "?")


def test_nothing_ends_a_daemon(repository):
    """Nor is anything public, reflected or printed."""
    demand(unsafe_constructs(repository))


def test_unsafe_construct_is_found():
    """Each once."""
    bad = ["try! f()", "x!", "x!.y", "f()![0]", "a[0]!", "{ $0 }()!", "var a: Int!", "b as! C", "\"\\(x!)\"",
           "fatalError()", "fatalError(\"\")", "public let a = 1", "open class A {}", "Mirror(reflecting: x)",
           "String(reflecting: x)", "print(x)", "Optional<Int>!"]
    for line in bad:
        found = unsafe_constructs(tree.Tree({"Sources/A/A.swift": f"\n{line}\n"}))
        assert {text.split(": ")[0] for text in found} == {"Sources/A/A.swift:2"}, line
    good = ["!x", "(!x)", "a != b", "a!=b", "x && !y", "f(!x)", "[!x]", "// x!", "\"x!\"", "open(path)", "self.open()",
            "log.print(x)", "func print(_ a: A) {}", "let isPublic = !a", "return !x", "a ? !b : c"]
    assert unsafe_constructs(tree.Tree({"Sources/A/A.swift": "\n".join(good)})) == []
    assert unsafe_constructs(tree.Tree({"Sources/hasup/A.swift": "print(x)"})) == []


def test_needless_excuse_is_found():
    """A file that prints no more."""
    path = next(iter(ANSWERS))
    assert len(unsafe_constructs(tree.Tree({path: ""}))) == 1 and unsafe_constructs(tree.Tree({path: "print(1)"})) == []

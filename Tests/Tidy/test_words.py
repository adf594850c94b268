"""Words: plain ones in what users read, and in comments."""

import re

import tree
from tree import demand

# A dialect that one would have to learn, and what to write instead.
WORDS = {
    r"told": "reported, logged, notified or given",
    # A user of Unix has that name, too.
    # An address can be without a master: that is said so.
    r"(?<!user\x20)(?<![\"`]\x20)(?<!`)(?<!are\x20)nobody(?! t(?:ook|akes) over)(?! has (?:the|its) address)(?:'s)?(?: else(?:'s)?)?":
        "no process, no program, no user, or “not” with the verb",
    r"(?:some|any|every)body(?:'s)?(?: else(?:'s)?)?|whom?ever|whom": "the process, program or user by its name",
    r"stranger(?:'s|s'|s)?": "unknown, foreign or untrusted, with a noun",
    r"crimes?|guilty?": "a protocol violation, an error",
    r"condemn\w*": "reject", r"obey\w*": "apply", r"judg(?:e[sd]?|ing|e?ments?)": "check",
    r"objections?": "problem", r"patience": "timeout", r"leisure\w*": "deferred work", r"overseers?": "supervisor",
    r"siblings?": "secondary address, neighbour or what it is", r"orphan\w*": "stale address, or what it is",
    r"heirs?|inheritance": "next worker, next hasupd", r"lend(?:s|ing)?|lent": "give",
    r"parked": "stopping for restart",
    r"at home": "in place", r"be it": "or", r"by and by": "gradually", r"anew": "again", r"speaks? of": "reports",
    r"throw(?:n|s|ing)? away|threw away": "discard", r"had better": "should", r"goes? on living": "keep running",
    r"strange hands": "compromised", r"the other way round": "vice versa", r"is(?:n't| not)? content": "report success",
    r"rubbish": "invalid data", r"is to be said": "the reasons",
}
BANNED = re.compile(r"(?<![\w-])(?:%s)(?![\w-])" % "|".join(
    f"({words})".replace(" ", r"\s+") for words in WORDS), re.IGNORECASE)
# Texts that are names of the interface, which users' programs read.
NAMES = {("Sources/VRRP/Status.swift", "strangers"): "a key of `hasup status --json`, which scripts read"}
# Made by `make docs` of the keyword table, which is read in Sources.
GENERATED = ("docs/configuration.md", "man/hasup.conf.5")
MARKS = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
CLAUSE = re.compile(r"(?:What|Whether|Whom?|Whose|How|Where)\b(?!\?)")


def user_texts(repository):
    """What users read: texts in Sources, man pages, README, docs. Each with its path and first line."""
    for source in repository.swift("Sources/"):
        yield from ((source.path, token.line, token.text) for token in source.tokens if token.kind == "string")
    for path in repository.paths("docs/", "man/", "README.md"):
        if path not in GENERATED:
            # Comments of a man page aren't shown.
            yield path, 1, re.sub(r'^[.\']\\".*', "", repository.files[path], flags=re.MULTILINE)


def banned_words(repository):
    """Words of the dialect."""
    found, replacements = [], list(WORDS.values())
    for path, line, text in user_texts(repository):
        if (path, text) in NAMES:
            continue
        for match in BANNED.finditer(text):
            word = " ".join(match.group().split())
            found.append(f"{path}:{line + text.count(chr(10), 0, match.start())}: {word}: write "
                         f"{replacements[match.lastindex - 1]}: “{surroundings(text, match)}”")
    return found


def surroundings(text, match):
    """The words around a place, from its line."""
    begin = max(text.rfind("\n", 0, match.start()) + 1, match.start() - 50)
    return " ".join(text[begin:match.end() + 50].split("\n\n")[0].split())


def marks(repository):
    """Notes of what isn't done."""
    return [f"{path}:{tree.line_of(text, match.start())}: {match.group()}: do it, or file an issue and remove the mark"
            for path, text in repository.files.items() if not path.startswith(tree.FOREIGN)
            for match in MARKS.finditer(text)]


def clauses(repository):
    """Comments on declarations that begin with a clause instead of a noun or a verb."""
    found = []
    for source in repository.swift("Sources/"):
        last = -1
        for comment in source.comments:
            if comment.is_doc:
                if comment.line != last + 1 and CLAUSE.match(comment.text):
                    found.append(f"{source.path}:{comment.line}: “{comment.text[:60]}”: begin with a noun or a "
                                 "verb in the third person, or leave the comment out")
                last = comment.line
    return found


def test_words_are_plain(repository):
    """In texts of Sources, man pages, README and docs."""
    demand(banned_words(repository))


def test_nothing_is_left_to_do(repository):
    """No TODO, FIXME or XXX anywhere."""
    demand(marks(repository))


def test_comments_begin_with_nouns_or_verbs(repository):
    """Comments on declarations in Sources."""
    demand(clauses(repository))


def test_banned_word_is_found():
    """Across lines, in interpolated texts; not in comments, names, options, nor in what is generated."""
    code = '// told\nlet told = "--kill-whom"\nlet b = "\\(told) was Told"\nlet c = """\n  x\n  be\n it\n"""\n'
    files = {"Sources/A/A.swift": code, "man/a.8": ".\\\" told\nOrphans aren't at\nhome.\n",
             "docs/configuration.md": "told", "README.md": "foretold\n"}
    found = banned_words(tree.Tree(files))
    assert [line.split(": ")[0] for line in found] == [
        "Sources/A/A.swift:3", "Sources/A/A.swift:6", "man/a.8:2", "man/a.8:2"]
    assert "be it: write or: “be it”" in found[1]


def test_name_of_the_interface_is_excused(repository):
    """In its own file, as a whole; and each excuse is of use."""
    files = {"Sources/VRRP/Status.swift": 'let a = "strangers"\nlet b = "two strangers"\n',
             "Sources/A/A.swift": '"strangers"'}
    assert [line.split(": ")[0] for line in banned_words(tree.Tree(files))] == [
        "Sources/VRRP/Status.swift:2", "Sources/A/A.swift:1"]
    assert not NAMES.keys() - {(path, text) for path, _, text in user_texts(repository)}


def test_each_banned_word_is_one():
    """The numbers of the groups name the replacements."""
    assert BANNED.groups == len(WORDS)
    for text in ("nobody's", "somebody else's", "whoever", "a stranger's", "judgement", "thrown away", "isn't content"):
        match = BANNED.search(text)
        assert match and match.end() == len(text), text
    for text in ("stranger-danger", "any body", "content", "inherits", "whole", "`nobody`", "as user nobody", "nobody took over", "the addresses are nobody's"):
        assert not BANNED.search(text), text


def test_mark_is_found():
    """A mark, and not a template of mkstemp."""
    files = {"Sources/A/A.swift": "// \n// TODO: b\n", "Makefile": "# FIXME\n", "a": "/tmp/XXXXXX", "b": "XXX"}
    assert [line.split(": ")[0] for line in marks(tree.Tree(files))] == ["Sources/A/A.swift:2", "Makefile:1", "b:1"]


def test_clause_is_found():
    """At the beginning of a comment only."""
    text = ("/// What it is.\nvar a\n/// The rest:\n/// What else.\nvar b\n// Whether\n    /// Where c is.\nvar c\n"
            "/// Whatever.\nvar d\n/// The reason.\n")
    assert [line.split(": ")[0] for line in clauses(tree.Tree({"Sources/A/A.swift": text}))] == [
        "Sources/A/A.swift:1", "Sources/A/A.swift:7"]

"""Documents: what they and the comments point at is there."""

import posixpath
import re

import tree
from tree import demand

PATH = re.compile(r"(?<![\w/.~$}-])(?:Sources|Tests|docs|packaging|examples|man|demo)/[\w+./*-]*[\w*/]")
FILE = re.compile(r"(?<![\w/+.-])(?:[A-Z]\w*(?:\+\w+)?\.swift|test_\w+\.py)\b")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
DECISION = re.compile(r"(?<![\w.-])D([1-9]\d?)\b(?![-.:]\w|\()")
TEST = re.compile(r"(?<![\w/])(test_\w+|[A-Z]\w*Tests\b)(\u2026)?")
BEHAVIOURS = re.compile(r"behaviours?[ ,]+(§ ?\d+(?:(?:,|\s+and|,\s+and)\s+§ ?\d+)*)")
DATA = (".conf", ".tsv", ".resolved")
BEHAVIOURS_PAGE = "docs/keepalived-behaviours.md"
PAIRS, PAIRS_PAGE = "Tests/Lab/interop.tsv", "docs/interop.md"


def prose(repository):
    """What people read, line by line: documents, man pages, comments of Swift; of other programs everything."""
    for path in repository.paths():
        if path.startswith(tree.FOREIGN):
            continue
        if path.endswith(".swift") and path.startswith(("Sources/", "Tests/")):
            source = repository.swift(path)[0]
            yield from ((path, comment.line, comment.text) for comment in source.comments)
        elif not path.endswith(DATA):
            yield from ((path, number, line) for number, line in enumerate(repository.files[path].split("\n"), 1))


def titles_of_tests(repository):
    """The sentences that name Swift's tests and suites: they cite decisions, too."""
    for source in repository.swift("Tests/"):
        for name, token in zip(source.tokens, source.tokens[2:]):
            if token.kind == "string" and name.text in ("@Test", "@Suite"):
                yield source.path, token.line, token.text


def missing_paths(repository):
    """Paths, files and links that lead nowhere, but in lines that say that they are planned."""
    names, found = {path.split("/")[-1] for path in repository.files}, []
    for path, line, text in prose(repository):
        if "planned" in text.lower():
            continue
        for word in PATH.findall(text):
            if not exists(repository, word):
                found.append(f"{path}:{line}: there is no {word}: correct the path, or mark the line as planned")
        for word in FILE.findall(text):
            if word not in names:
                found.append(f"{path}:{line}: there is no file {word}: correct its name")
        for target in LINK.findall(text) if path.endswith(".md") else []:
            parts = path.split("/")[:-1]
            for part in target.split("/"):
                parts = parts[:-1] if part == ".." else parts if part in (".", "") else parts + [part]
            if "://" not in target and not repository.exists("/".join(parts)):
                found.append(f"{path}:{line}: the link leads to {target}, which isn't there: correct it")
    return found


def exists(repository, word):
    """Says if there is such a path; * stands for any name."""
    if "*" not in word:
        return repository.exists(word)
    pattern = re.compile(re.escape(word.rstrip("/")).replace(r"\*", "[^/]*"))
    return any(pattern.fullmatch(path) for path in list(repository.files) + list(repository.folders))


def missing_decisions(repository):
    """Decisions and observed behaviours that are cited and not written down."""
    known = {int(path.split("/")[-1][:4]) for path in repository.paths("docs/decisions/")
             if re.match(r"\d{4}-", path.split("/")[-1])}
    sections = set(re.findall(r"^#+ §?(\d+)", repository.files.get(BEHAVIOURS_PAGE, ""), re.MULTILINE))
    found = []
    for path, line, text in [*prose(repository), *titles_of_tests(repository)]:
        found += [f"{path}:{line}: there is no decision D{number} in docs: correct the number"
                  for number in DECISION.findall(text) if int(number) not in known]
        if BEHAVIOURS_PAGE in repository.files:
            found += [f"{path}:{line}: {BEHAVIOURS_PAGE} has no section {number}: correct the number"
                      for cited in BEHAVIOURS.findall(text) for number in re.findall(r"\d+", cited)
                      if number not in sections]
    return found


def known_tests(repository):
    """Files, folders and suites of tests, and Python's test functions."""
    known = set()
    for path in repository.paths("Tests/"):
        known |= {part.split(".")[0] for part in path.split("/")}
        if path.endswith((".py", ".swift")):
            known |= set(re.findall(r"^def (test_\w+)|(?:struct|class|suite) (\w+Tests)\b", repository.files[path], re.MULTILINE))
    return {name for found in known for name in ([found] if isinstance(found, str) else found) if name}


def missing_tests(repository):
    """Tests that a page names and that there aren't; \u2026 stands for the rest of a name."""
    known, found = known_tests(repository), []
    for path in repository.paths("docs/", suffix=".md"):
        for number, line in enumerate(repository.files[path].split("\n"), 1):
            for name, rest in TEST.findall(line):
                if name not in known and not (rest and any(test.startswith(name) for test in known)):
                    found.append(f"{path}:{number}: there is no test {name}: correct its name")
    return found


def missing_pairs(repository):
    """Lines of the table of pairs that name no test of the lab, and cells that the page hasn't got."""
    found = []
    for number, line in enumerate(repository.files.get(PAIRS, "").rstrip("\n").split("\n"), 1):
        test = line.split("\t")[-1]
        if not test or test.startswith("("):
            continue
        file, _, name = test.partition("::")
        function, _, variant = name.rstrip("]").partition("[")
        if not re.search(rf"^def {function}\(", repository.files.get(posixpath.normpath(f"Tests/Lab/{file}"), ""), re.MULTILINE):
            found.append(f"{PAIRS}:{number}: there is no test {test}: correct its name")
        elif not re.search(rf"`{function}\b[^`]*{re.escape(variant)}", repository.files.get(PAIRS_PAGE, "")):
            found.append(f"{PAIRS}:{number}: {PAIRS_PAGE} hasn't got {name}: run `make interop`")
    return found


def titles(repository):
    """Markdown files without one title, or with two."""
    found = []
    for path in repository.paths(suffix=".md"):
        text = re.sub(r"^```.*?^```", lambda code: "\n" * code.group().count("\n"), repository.files[path],
                      flags=re.MULTILINE | re.DOTALL)
        lines = [number for number, line in enumerate(text.split("\n"), 1) if line.startswith("# ")]
        if len(lines) != 1:
            found.append(f"{path}:{(lines + [1, 1])[1]}: {len(lines)} titles (#): a page has one; make others ##")
    return found


def test_paths_exist(repository):
    """Of files in documents, man pages and comments."""
    demand(missing_paths(repository))


def test_decisions_exist(repository):
    """D-numbers and sections of the observed behaviours."""
    demand(missing_decisions(repository))


def test_named_tests_exist(repository):
    """In pages and in the table of pairs."""
    demand(missing_tests(repository) + missing_pairs(repository))


def test_pages_have_one_title(repository):
    """Each Markdown file."""
    demand(titles(repository))


def test_missing_path_is_found():
    """In a page, a comment, a link; a planned one isn't."""
    files = {"Sources/A/A.swift": "/// See Sources/A/Gone.swift, docs/*.md and docs.\nlet a = \"Sources/none\"\n",
             "docs/a.md": "Sources/A, Tests/Later (planned)\n/usr/docs/x, [b](b.md), [A](../Sources/A/A.swift).\n",
             "man/x.8": "B.swift and A.swift\n"}
    found = missing_paths(tree.Tree(files))
    assert [line.split(": ")[0] for line in found] == [
        "Sources/A/A.swift:1", "docs/a.md:2", "man/x.8:1"]


def test_missing_decision_is_found():
    """A decision is a file."""
    files = {**{f"docs/decisions/000{n}-a.md": f"# D{n}\n" for n in (1, 2, 3)},
             BEHAVIOURS_PAGE: "## 4. Four\n## §5\n",
             "Sources/A/A.swift": "// D1, (D2), D3, D4, 0x00D9, behaviours §4, §5 and §6\n// behaviours §7\n",
             "Tests/ATests/A.swift": '@Test("D5: no") func a() {}\nlet hex = "D6"\n', "Tests/Lab/a.py": '"""D7."""\n'}
    found = [(line.split(": ")[0], re.search(r"(?:decision|section) (\w+)", line).group(1))
             for line in missing_decisions(tree.Tree(files))]
    assert sorted(found) == [("Sources/A/A.swift:1", "6"), ("Sources/A/A.swift:1", "D4"), ("Sources/A/A.swift:2", "7"),
                             ("Tests/ATests/A.swift:1", "D5"), ("Tests/Lab/a.py:1", "D7")]
    del files[BEHAVIOURS_PAGE]
    assert len(missing_decisions(tree.Tree(files))) == 3


def test_missing_test_is_found():
    """Functions, files and suites; the beginning of a name is enough with an ellipsis."""
    files = {"Tests/Lab/test_a.py": "def test_one():\n    pass\n", "Tests/ATests/BTests.swift": "@Suite struct CTests {\n",
             "docs/a.md": "test_a `test_one`, `test_o\u2026`, ATests, BTests, CTests\n`test_two`, DTests, `test_o`\n",
             PAIRS: "x\ty\ttest_a.py::test_one[b]\nx\ty\ttest_a.py::test_no\nx\ty\t(no)\nx\tz\ttest_a.py::test_one[d]\n",
             PAIRS_PAGE: "`test_one[a, b]`\n"}
    assert [line.split(": ")[0] for line in missing_tests(tree.Tree(files))] == ["docs/a.md:2"] * 3
    assert [line.split(": ")[0] for line in missing_pairs(tree.Tree(files))] == [f"{PAIRS}:2", f"{PAIRS}:4"]


def test_second_title_is_found():
    """A comment in a block of code is none."""
    files = {"docs/a.md": "# A\n```\n# b\n```\n", "docs/b.md": "# B\n\n# C\n", "docs/c.md": "## C\n"}
    assert [line.split(": ")[0] for line in titles(tree.Tree(files))] == ["docs/b.md:3", "docs/c.md:1"]

"""Names: each declared one is used, and each type's is its own."""

import collections

import tree
from tree import demand

# Names that no line of Sources uses, and what does.
USED_OTHERWISE = {
    "main": "the runtime calls it in a type with @main",
    "validate": "ArgumentParser calls it",
}
# Names that only tests use, and why that is right.
FOR_TESTS = {}
# Names that types inside of different types may share: there they are read with the outer one's, as in RepeatLog.Kind.
INNER_TYPES = {"Entry", "Failure", "Key", "Kind", "Outcome", "State"}
# Names that types may share anywhere, and why.
SHARED_TYPES = {"Main": "each program has one, and programs aren't imported"}
LABEL_BEFORE = {"(", ","}
TYPES = {"struct", "class", "enum", "actor", "protocol", "typealias"}


def mentions(source):
    """The names that a file uses. Declarations, labels of arguments, and the assignment of an initializer's argument to
    its property (self.name = name) are no uses."""
    declared = {declaration.index for declaration in source.declarations}
    tokens, brackets = source.tokens, []
    for index, token in enumerate(tokens):
        if token.kind == "sign":
            if token.text in "([{":
                brackets.append(token.text)
            elif token.text in ")]}" and brackets:
                brackets.pop()
        elif token.kind == "word" and index not in declared and not is_label(tokens, index, brackets) \
                and not is_assignment(tokens, index):
            yield token.text.strip("`")


def is_label(tokens, index, brackets):
    """Says if a word is an argument's label or an argument's name."""
    if not brackets or brackets[-1] != "(" or index + 2 >= len(tokens):
        return False
    before, after = tokens[index - 1], tokens[index + 1]
    if after.text == ":" and after.tight:
        return before.text in LABEL_BEFORE or before.kind == "word"
    colon = tokens[index + 2]
    return before.text in LABEL_BEFORE and after.kind == "word" and colon.text == ":" and colon.tight


def is_assignment(tokens, index):
    """Says if a word is one of the two names in self.name = name."""
    for first in (index - 2, index - 4):
        if first >= 0 and [token.text for token in tokens[first:first + 4]] == ["self", ".", tokens[index].text, "="] \
                and first + 4 < len(tokens) and tokens[first + 4].text == tokens[index].text:
            return first + 5 >= len(tokens) or tokens[first + 5].line != tokens[index].line \
                or tokens[first + 5].text in ("}", ";")
    return False


def unused(repository):
    """Declarations in Sources that nothing in Sources uses: those that Tests use, and those that nothing uses."""
    used = collections.Counter(name for source in repository.swift("Sources/") for name in mentions(source))
    tested = {name for source in repository.swift("Tests/") for name in mentions(source)}
    for source in repository.swift("Sources/"):
        for declaration in source.declarations:
            name = declaration.name
            is_named = name.isidentifier() and declaration.kind not in ("init", "deinit", "subscript")
            is_outsiders = declaration.modifiers & {"@main", "override"} or is_raw_case(declaration)
            if is_named and not is_outsiders and not used[name]:
                yield source, declaration, name in tested


def is_raw_case(declaration):
    """Says if bytes or a text name a case."""
    return declaration.kind == "case" and declaration.scope.has_raw_value


def excused(found, excuses, title):
    """The violations that have no excuse, and the excuses that excuse nothing."""
    names = {name for name, _ in found}
    needless = [f"Tests/Tidy/test_names.py:1: {name} needs no excuse: take it off {title}"
                for name in excuses if name not in names]
    return [text for name, text in found if name not in excuses] + needless


def dead_declarations(repository, excuses=None):
    """Names that nothing uses."""
    found = [(item.name, f"{source.path}:{item.line}: nothing uses {item.kind} {item.name}: remove it")
             for source, item, is_tested in unused(repository) if not is_tested]
    return excused(found, USED_OTHERWISE if excuses is None else excuses, "USED_OTHERWISE")


def declarations_for_tests(repository, excuses=None):
    """Names that only tests use."""
    found = [(item.name, f"{source.path}:{item.line}: only tests use {item.kind} {item.name}: move it to them, or "
              "test what the program uses") for source, item, is_tested in unused(repository) if is_tested]
    return excused(found, FOR_TESTS if excuses is None else excuses, "FOR_TESTS")


def shared_types(repository, excuses=None):
    """Types with the name of another one."""
    places = collections.defaultdict(list)
    for source in repository.swift("Sources/"):
        for item in source.declarations:
            if item.kind in TYPES:
                places[item.name].append((f"{source.path}:{item.line}", item.scope is not None))
    found = []
    for name, here in places.items():
        if len(here) > 1 and not (name in INNER_TYPES and all(is_inner for _, is_inner in here)):
            for place, _ in here:
                others = ", ".join(other for other, _ in here if other != place)
                found.append((name, f"{place}: type {name} is also at {others}: rename one"))
    return excused(found, SHARED_TYPES if excuses is None else excuses, "SHARED_TYPES")


def test_declarations_are_used(repository):
    """By something in Sources or Tests."""
    demand(dead_declarations(repository))


def test_declarations_are_used_by_programs(repository):
    """By something in Sources."""
    demand(declarations_for_tests(repository))


def test_type_names_are_unique(repository):
    """In all of Sources, nested ones as well."""
    demand(shared_types(repository))


USES = """
@main struct Main { static func main() { Main2(first: 1, second: 2).run() } }
struct Main2 {
    let first: Int
    var second: Int
    private(set) var third = 0
    init(first: Int, second: Int) {
        self.first = first
        self.second = second
    }
    func run() { print(second, "\\(inner())", Choice.one, Code(rawValue: 1)) }
    func inner() {}
    func outer(of third: Int) {}
    func tested() {}
    func `default`() {}
}
enum Choice { case one, two(Int), three }
enum Code: UInt8 { case a = 1, b }
typealias Alias = Int
let (left, right) = (1, 2)
// outer third two
"""


def test_dead_declaration_is_found():
    """Those that only labels, comments and initializers mention; raw values are used."""
    files = {"Sources/A/A.swift": USES, "Tests/ATests/T.swift": "x.tested()"}
    found = dead_declarations(tree.Tree(files), {"main": "a reason"})
    assert [line.split("nothing uses ")[1].split(":")[0] for line in found] == [
        "let first", "var third", "func outer", "func default", "case two", "case three", "typealias Alias", "let left",
        "let right"]
    assert found[0].startswith("Sources/A/A.swift:4: ")


def test_declaration_for_tests_is_found():
    """Tests use it, Sources don't."""
    files = {"Sources/A/A.swift": USES, "Tests/ATests/T.swift": "x.tested(); y.inner()"}
    assert [line.split(": ")[0] for line in declarations_for_tests(tree.Tree(files), {})] == ["Sources/A/A.swift:14"]
    assert declarations_for_tests(tree.Tree(files), {"tested": "a reason"}) == []


def test_shared_type_is_found():
    """At the top or inside, whatever they are; a few may be inside of several."""
    first = "struct A { enum Kind { case a }\n enum Part {} }\nclass B { actor Kind {} }\nstruct Key {}"
    second = "protocol Part {}\nextension A { struct Key {}\n class func x() {} }\nstruct x {}"
    files = {"Sources/A/A.swift": first, "Sources/B/B.swift": second}
    found = shared_types(tree.Tree(files), {})
    assert sorted(line.split(": ")[0] for line in found) == [
        "Sources/A/A.swift:2", "Sources/A/A.swift:4", "Sources/B/B.swift:1", "Sources/B/B.swift:2"]


def test_needless_excuse_for_a_name_is_found():
    """What it excused is gone."""
    for rule in (dead_declarations, declarations_for_tests, shared_types):
        assert len(rule(tree.Tree({}), {"a": "a reason"})) == 1

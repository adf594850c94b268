"""Rooms: what each imports, and the lines with which each begins."""

import re

import pytest
import swift
import tree
from tree import demand

# No clock, no descriptor, no C library.
PURE = {"Base", "Wire", "ConfigurationModel", "Configuration", "Varlink", "VRRP", "LoadBalancing", "Supervision"}
# Modules of the toolchain, for tests.
TOOLCHAIN = {"Testing", "Foundation", "Synchronization"}
CLOCKS = {"ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator"}
# The names by which Package.swift has other packages' modules.
PACKAGES = {"logging": "Logging", "argumentParser": "ArgumentParser"}
TARGETS = {"room", "program", "tests", "target", "executableTarget", "systemLibrary", "testTarget"}


def dependencies(repository):
    """What each target of Package.swift may import."""
    tokens = swift.Lexer(repository.files["Package.swift"]).tokens
    found = {}
    for index, token in enumerate(tokens[:-1]):
        declares = index and tokens[index - 1].text == "func"
        if token.text in TARGETS and tokens[index + 1].text == "(" and not declares:
            call = arguments(tokens, index + 1)
            names = [item.text for item in call if item.kind == "string"]
            if names:
                found[folder(call) or names[0]] = listed(call)
    return found


def arguments(tokens, begin):
    """The tokens of a call."""
    depth = 0
    for index in range(begin, len(tokens)):
        depth += (tokens[index].text in "([") - (tokens[index].text in ")]") if tokens[index].kind == "sign" else 0
        if depth == 0:
            return tokens[begin + 1:index]
    return tokens[begin + 1:]


def folder(call):
    """The target's folder, if its name isn't its folder's."""
    for label, _, value in zip(call, call[1:], call[2:]):
        if label.text == "path" and value.kind == "string":
            return value.text
    return None


def listed(call):
    """The list of dependencies: the first, if it has no other label."""
    for index, token in enumerate(call):
        if token.text == "[" and token.kind == "sign":
            label = call[index - 2].text if index >= 2 and call[index - 1].text == ":" else "dependencies"
            if label != "dependencies":
                return set()
            end = next(at for at in range(index, len(call)) if call[at].text == "]" and call[at].kind == "sign")
            return {PACKAGES.get(item.text, item.text) for item in call[index:end]
                    if item.kind in ("string", "word")}
    return set()


def imports(source):
    """The modules that a file imports, each with its line."""
    for word, name in zip(source.tokens, source.tokens[1:]):
        if word.text == "import" and word.kind == "word" and name.line == word.line:
            kinds = name.text in swift.TYPES | {"func", "var", "let", "typealias"}
            yield (source.tokens[source.tokens.index(name) + 1].text if kinds else name.text), word.line


def stray_imports(repository):
    """Imports that Package.swift doesn't allow, and effects in pure rooms."""
    targets, found = dependencies(repository), []
    for source in repository.swift("Sources/", "Tests/"):
        is_test = source.path.startswith("Tests/")
        target = "Tests/Fuzz" if source.path.startswith("Tests/Fuzz/") else source.room
        allowed = targets.get(target)
        if allowed is None:
            found.append(f"{source.path}:1: Package.swift has no target {target}: declare it or move the file")
            continue
        for module, line in imports(source):
            place = f"{source.path}:{line}: imports {module}"
            if module == "Foundation" and not is_test:
                found.append(f"{place}: nothing in Sources links Foundation; do without it")
            elif module == "Glibc" and target in PURE:
                found.append(f"{place}, but {target} is pure: move the effect into a room of effects")
            elif module not in allowed | {"Swift", "Glibc"} and not (is_test and module in TOOLCHAIN):
                found.append(f"{place}, on which {target} doesn't depend: add it in Package.swift or do without it")
        if not is_test and target in PURE:
            found += [f"{source.path}:{token.line}: {token.text} in {target}, which is pure: take it as an argument"
                      for token in source.tokens if token.text in CLOCKS and token.kind == "word"]
    for target, allowed in targets.items():
        found += [f"Package.swift:1: {target} is pure and depends on {name}, which isn't: remove the dependency"
                  for name in sorted(allowed - PURE) if target in PURE]
    return found


def table(text):
    """The rows of architecture.md's section 2: the room, what it may import, the line. Planned rows are left out."""
    column, is_inside = None, False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("## "):
            is_inside = line.startswith("## 2")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not is_inside or not line.lstrip().startswith("|"):
            column = None
        elif column is None:
            titles = [cell.lower() for cell in cells]
            column = titles.index("may import") if "may import" in titles else -1
        elif 0 < column < len(cells) and not set(cells[0]) <= set("-: ") and "planned" not in cells[0].lower():
            rooms = re.findall(r"`(?:Sources/)?(\w+)`", cells[0])
            yield rooms[0] if len(rooms) == 1 else cells[0], set(re.findall(r"`([\w.-]+)`", cells[column])), number


def table_differences(repository):
    """Where architecture.md and Package.swift say different things about a room."""
    page = "docs/architecture.md"
    targets = {name: allowed for name, allowed in dependencies(repository).items()
               if repository.paths(f"Sources/{name}/", suffix=".swift")}
    found, rows = [], set()
    for room, allowed, line in table(repository.files[page]):
        rows.add(room)
        if room not in targets:
            if not repository.exists(f"Sources/{room}"):
                found.append(f"{page}:{line}: {room} is no room: one row a room, its name in backticks, or planned")
        elif allowed != targets[room]:
            differences = " ".join(sorted(allowed ^ targets[room]))
            found.append(f"{page}:{line}: {room} may import other modules by Package.swift: correct {differences}")
    return found + [f"{page}:1: section 2's table has no row `{name}`: add it" for name in sorted(set(targets) - rows)]


def first_file(repository, room):
    """Where one begins to read a room: the file with its name, and Main.swift in a program that has one."""
    paths = {path.split("/")[-1].lower(): path for path in repository.paths(f"Sources/{room}/", suffix=".swift")
             if path.count("/") == 2}
    return paths.get("main.swift") or paths.get(f"{room.lower()}.swift")


def missing_heads(repository):
    """Rooms whose first file doesn't begin with the three lines."""
    found = []
    for room, allowed in dependencies(repository).items():
        if not repository.paths(f"Sources/{room}/", suffix=".swift"):
            continue
        path = first_file(repository, room)
        names = ", ".join(sorted(allowed)) or "nothing"
        if len(names) > 100:
            names = "what Package.swift lists"
        wanted = f"“// {room}: ….” “// Imports: {names}.” “// Begin with FILE.swift….”"
        if path is None:
            found.append(f"Sources/{room}/{room}.swift:1: missing: begin it with three lines: {wanted}")
            continue
        lines = repository.files[path].split("\n")[:3] + ["", "", ""]
        said = re.fullmatch(r"// Imports: (.+)\.", lines[1])
        begin = re.fullmatch(r"// Begin with ([\w+]+\.swift)\b.*\.", lines[2])
        if not re.fullmatch(rf"// {room}: .+\.", lines[0]) or not said or not begin:
            found.append(f"{path}:1: begin with three lines: {wanted}")
            continue
        if said.group(1) != names:
            found.append(f"{path}:2: Package.swift has other imports: write {names}")
        if not any(other.endswith("/" + begin.group(1)) for other in repository.paths(f"Sources/{room}/")):
            found.append(f"{path}:3: {room} has no file {begin.group(1)}: name the one to begin with")
    return found


def test_imports_are_dependencies(repository):
    """Incremental builds hide an import that Package.swift doesn't have; no compiler knows which rooms are pure."""
    demand(stray_imports(repository))


def test_architecture_table_is_package(repository):
    """docs/architecture.md, section 2, has one row a room, and says the same as Package.swift."""
    demand(table_differences(repository))


def test_rooms_begin_with_their_head(repository):
    """The file with the room's name (Main.swift in a program that has one) says what the room is, what it may import
    and where to begin reading. Rooms of C have no such file."""
    demand(missing_heads(repository))


PACKAGE = """
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target { .target(name: name) }
let package = Package(targets: [
    room("Base"), room("Wire", ["Base"], settings: ["x"]), .target(name: "CLinux", cSettings: ["-Wall"]),
    room("Kernel", ["Base", logging]), tests("WireTests", ["Wire"]),
    .executableTarget(name: "fuzz", dependencies: ["Wire"], path: "Tests/Fuzz", exclude: ["run"])])
"""


def sample(**files):
    """A repository of those rooms."""
    swift_files = {path.replace("__", "/") + ".swift": text for path, text in files.items()}
    return tree.Tree({"Package.swift": PACKAGE} | swift_files)


def test_package_is_read():
    """With packages, C targets and folders."""
    assert dependencies(sample()) == {
        "Base": set(), "Wire": {"Base"}, "CLinux": set(), "Kernel": {"Base", "Logging"}, "WireTests": {"Wire"},
        "Tests/Fuzz": {"Wire"}}


def test_stray_import_is_found():
    """Each forbidden one, and no other."""
    good = sample(Sources__Wire__A="import Base\n", Sources__Kernel__B="import Glibc\nimport Logging\n",
                  Tests__WireTests__C="import Foundation\nimport Synchronization\nimport Testing\n@testable import Wire\n",
                  Tests__Fuzz__D="import struct Wire.A\n")
    assert stray_imports(good) == []
    bad = sample(Sources__Wire__A="import Base\nimport Kernel\nimport Glibc\n",
                 Sources__Kernel__B="import Foundation\nimport Synchronization\n",
                 Tests__WireTests__C="@testable import Base\n",
                 Sources__New__D="", Tests__Fuzz__E="import struct Base.A\n",
                 Sources__Base__F="let now = ContinuousClock.now\n")
    assert [line.split(": ")[0] for line in stray_imports(bad)] == [
        "Sources/Wire/A.swift:2", "Sources/Wire/A.swift:3", "Sources/Kernel/B.swift:1",
        "Sources/Kernel/B.swift:2", "Tests/WireTests/C.swift:1", "Sources/New/D.swift:1", "Tests/Fuzz/E.swift:1", "Sources/Base/F.swift:1"]
    impure = sample()
    impure.files["Package.swift"] = PACKAGE.replace('room("Base")', 'room("Base", ["Kernel"])')
    assert len(stray_imports(impure)) == 1


def test_other_table_is_found():
    """A row too few, one with other imports, one for a room that isn't there; planned ones may be."""
    rooms = sample(Sources__Base__A="", Sources__Wire__B="", Sources__Kernel__C="")
    head = "## 2. Layers\n\n| room | holds | may import |\n|---|---|---|\n"
    rows = ("| `Base` | x | Swift only |\n| `Sources/Kernel` | x | `Base`, `Logging` |\n"
            "| `Later` *planned* | x | `Base` |\n")
    rooms.files["docs/architecture.md"] = head + rows + "| `Wire` | x; planned: y | `Base` |\n"
    assert table_differences(rooms) == []
    rooms.files["docs/architecture.md"] = head + rows.replace(", `Logging`", "").replace(" *planned*", "")
    assert [line.split(": ")[0] for line in table_differences(rooms)] == [
        "docs/architecture.md:6", "docs/architecture.md:7", "docs/architecture.md:1"]


def test_missing_head_is_found():
    """No file, no head, other imports, a file that isn't there."""
    good = "// Wire: codecs.\n// Imports: Base.\n// Begin with A.swift, then B.swift.\n"
    assert missing_heads(sample(Sources__Wire__Wire=good, Sources__Wire__A="")) == []
    assert missing_heads(sample(Sources__Wire__Main=good, Sources__Wire__A="")) == []
    for old, new in (("//", "/"), ("Base", "nothing"), ("A.swift", "C.swift"), ("Wire", "Base")):
        bad = good.replace(old, new, 1)
        assert len(missing_heads(sample(Sources__Wire__Wire=bad, Sources__Wire__A=""))) == 1
    assert len(missing_heads(sample(Sources__Wire__A=good))) == 1

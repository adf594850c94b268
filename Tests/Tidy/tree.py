"""The files that the rules look at, and how a rule fails."""

import os

import pytest
import swift

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("Sources", "Tests", "docs", "man", "packaging", "examples", "demo", ".ci")
# What isn't ours to word, and what breaks the rules so that they are seen to hold.
FOREIGN = ("Tests/Corpus/", "Tests/Golden/", "Tests/Tidy/")


class Source:
    """One Swift file."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        lexer = swift.Lexer(text)
        self.tokens, self.comments = lexer.tokens, lexer.comments
        self.declarations = swift.Parser(self.tokens).declarations

    @property
    def room(self):
        """The target's name, which is its folder's."""
        return self.path.split("/")[1]


class Tree:
    """A repository: the text of each file by its path."""

    def __init__(self, files):
        self.files = files
        self.folders = {folder for path in files for folder in parents(path)}
        self.parsed = {}

    @staticmethod
    def read(root=ROOT):
        """Reads what a clone holds; what building leaves stays out."""
        files = {}
        names = [name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name))]
        for folder in FOLDERS:
            for parent, folders, here in os.walk(os.path.join(root, folder)):
                folders[:] = [name for name in folders if name != "__pycache__"]
                names += [os.path.relpath(os.path.join(parent, name), root) for name in here]
        for name in sorted(names):
            with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
                files[name] = file.read()
        return Tree(files)

    def paths(self, *beginnings, suffix=""):
        """The paths that begin and end so."""
        return [path for path in self.files if path.startswith(beginnings or "") and path.endswith(suffix)]

    def swift(self, *beginnings):
        """The Swift files of folders, read once."""
        for path in self.paths(*beginnings, suffix=".swift"):
            if path not in self.parsed:
                self.parsed[path] = Source(path, self.files[path])
        return [self.parsed[path] for path in self.paths(*beginnings, suffix=".swift")]

    def exists(self, path):
        """Says if there is a file or a folder."""
        path = path.rstrip("/")
        return path in self.files or path in self.folders


def parents(path):
    """The folders that a file is in."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def line_of(text, offset):
    """The number of the line at an offset."""
    return text.count("\n", 0, offset) + 1


def demand(violations):
    """Fails with each violation on a line of its own."""
    if violations:
        pytest.fail(f"{len(violations)} places break the rule:\n" + "\n".join(violations), pytrace=False)

"""The repository, read once for all rules."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import tree  # noqa: E402


@pytest.fixture(scope="session")
def repository():
    """The files of this clone."""
    return tree.Tree.read()

"""Every key of any valid TOML is found on the line where it stands."""

import tomllib
from collections.abc import Iterator
from typing import Any

import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from core.config.lines import key_lines

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.text(st.sampled_from("a\"'\\\n\t#[]{}=,.é"), max_size=12),
    st.lists(st.text(st.sampled_from("a\"'\\\n#[]{}"), max_size=6), max_size=3),
)
TABLES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=3),
    lambda inner: st.dictionaries(NAMES, st.one_of(LEAVES, inner), max_size=3),
    max_leaves=8,
)


def keys_of(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys_of(value, (*path, key))


@given(TABLES)
def test_scanner_finds_exactly_the_keys_that_tomllib_reads(table: dict[str, Any]) -> None:
    text = tomlkit.dumps(table)
    lines: dict[tuple[str, ...], int] = {}
    for key, line in key_lines(text):
        lines.setdefault(key, line)
    assert lines.keys() == set(keys_of(tomllib.loads(text)))
    for key, line in lines.items():  # cutting the text above the line removes the key
        before = "\n".join(text.split("\n")[: line - 1])
        assert key not in set(keys_of(tomllib.loads(before)))

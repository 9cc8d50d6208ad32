"""The rule for new passwords, the hasher, and how secrets are compared (D12)."""

import ast
import re
from pathlib import Path

import argon2
import pytest

from core.auth.sign_in.passwords import UNKNOWN_HASH, Passwords, check_new_password
from core.auth.tokens import opaque
from core.errors import Invalid

ROOT = Path(__file__).parents[2]
SECRET = re.compile(r"token|secret|signature|digest|password|hash(?!able)")
EXEMPT = {
    "core/config/file.py": "the signature of a file is its time and size",
    "core/testing/statements.py": "a token of SQL is a word",
}
# Names that hold no secret although they sound so.
HARMLESS = {"token_version", "token_type", "tokens", "passwords", "path_hash", "shape_hash"}


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "min_length"),
        ("x" * 300, "max_length"),
        ("Password1234", "well_known"),
        ("QWERTYUIOP123", "well_known"),
        ("aaaaaaaaaaaaaa", "well_known"),
        ("abababababab", "well_known"),
        ("person@acme.example", "email"),
        ("PERSON@ACME.EXAMPLE", "email"),
    ],
)
def test_guessable_password_is_refused_without_repeating_it(password, code):
    with pytest.raises(Invalid) as refused:
        check_new_password(password, "person@acme.example")
    assert refused.value.errors[0].code == code
    assert password not in refused.value.detail


@pytest.mark.parametrize("password", ["trellis-demo", "correct pony battery", "пароль-длинный"])
def test_good_password_passes(password):
    check_new_password(password, "person@acme.example")


async def test_hash_is_argon2id_and_nobody_has_the_same_cost():
    """D1, D2: m=19456, t=2, p=1, for the dummy as well."""
    hasher = Passwords()
    try:
        stored = await hasher.hash("correct pony battery")
        wanted = argon2.extract_parameters(stored)
        assert argon2.extract_parameters(UNKNOWN_HASH) == wanted
        assert (wanted.memory_cost, wanted.time_cost, wanted.parallelism) == (19456, 2, 1)
        assert await hasher.verify(stored, "correct pony battery")
        assert not await hasher.verify(stored, "correct pony batterx")
        assert not await hasher.verify(None, "anything")
        assert not await hasher.verify("not a hash", "anything")
        assert not hasher.outdated(stored)
    finally:
        hasher.close()


def test_opaque_secrets_have_256_bits_and_their_own_forms():
    texts = {opaque.new_secret() for _ in range(1000)}
    assert len(texts) == 1000
    assert {len(t) for t in texts} == {43}
    secret = texts.pop()
    assert opaque.matches_digest(opaque.digest(secret), secret)
    assert not opaque.matches_digest(opaque.digest(secret), texts.pop())
    for text in (
        opaque.RefreshToken(1, secret, secret).text(),
        opaque.ResetToken(1, secret).text(),
    ):
        readers = (opaque.read_refresh, opaque.read_reset, opaque.read_api_key)
        assert sum(read(text) is not None for read in readers) == 1


def _names(node: ast.AST) -> set[str]:
    return {
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute | ast.Name)
    }


def compared_secrets(source: str) -> list[int]:
    """Return the lines that compare something named like a secret with == or != (D12)."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(
            isinstance(op, ast.Eq | ast.NotEq) for op in node.ops
        ):
            names = {n.lower() for part in (node.left, *node.comparators) for n in _names(part)}
            if any(SECRET.search(n) for n in names - HARMLESS):
                found.append(node.lineno)
    return found


def test_secrets_are_never_compared_by_equality():
    """D12: lookup by digest, hmac.compare_digest for the rest; in kernel and plugins alike."""
    found = {
        str(path.relative_to(ROOT)): lines
        for folder in ("core", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (lines := compared_secrets(path.read_text()))
    }
    assert set(found) <= set(EXEMPT), found


def test_the_lint_finds_what_it_is_for():
    """D12's mutation: compare_digest taken out is noticed."""
    assert compared_secrets("def same(stored, secret):\n    return digest(secret) == stored") == [2]
    assert compared_secrets("if row.hash != given: pass") == [1]
    assert compared_secrets("if user.token_version == 3: pass") == []
    assert "compare_digest" in (ROOT / "core/auth/tokens/opaque.py").read_text()

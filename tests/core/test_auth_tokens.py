"""Access tokens: forgeries (D6), the tenant of a request (A5), key rotation."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
import pytest

from core.auth.lru_cache import LruCache
from core.auth.tokens.access_tokens import AccessTokens
from core.auth.tokens.signing_keys import KeyRing
from core.errors import Unauthenticated
from tests.core.signing import Gate, open_gate, problem

ME = "/api/auth/me"


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    async with open_gate(test_server, tmp_path_factory.mktemp("tokens")) as opened:
        yield opened


def b64(content: bytes | dict[str, Any]) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, payload, _ = token.split(".")
    pad = "=="
    return (
        json.loads(base64.urlsafe_b64decode(head + pad)),
        json.loads(base64.urlsafe_b64decode(payload + pad)),
    )


def signed(head: Any, payload: Any, key: bytes, digest: Any = sha256) -> str:
    """Sign anything, as nobody but we could, with the true key where it is given."""
    text = f"{b64(head)}.{b64(payload)}"
    return f"{text}.{b64(hmac.digest(key, text.encode(), digest))}"


def forgeries(gate: Gate, good: str, other: str, refresh: str) -> dict[str, str]:
    """Return every forged token by name; most are signed with the true key."""
    head, claims = parts_of(good)
    key = gate.auth.key.derived("access")
    now = int(time.time())
    first, second, third = good.split(".")
    found = {
        "alg none": f"{b64({**head, 'alg': 'none'})}.{second}.",
        "alg NONE": f"{b64({**head, 'alg': 'NONE'})}.{second}.",
        "alg None, old signature": f"{b64({**head, 'alg': 'None'})}.{second}.{third}",
        "alg empty": signed({**head, "alg": ""}, claims, key),
        "alg null": signed({**head, "alg": None}, claims, key),
        "alg HS512": signed({**head, "alg": "HS512"}, claims, key, "sha512"),
        "alg HS384": signed({**head, "alg": "HS384"}, claims, key, "sha384"),
        "alg hs256": signed({**head, "alg": "hs256"}, claims, key),
        "alg RS256": signed({**head, "alg": "RS256"}, claims, key),
        "alg list": signed({**head, "alg": ["HS256"]}, claims, key),
        "no alg": signed({k: v for k, v in head.items() if k != "alg"}, claims, key),
        "typ JWT": signed({**head, "typ": "JWT"}, claims, key),
        "typ AT+JWT": signed({**head, "typ": "AT+JWT"}, claims, key),
        "no typ": signed({k: v for k, v in head.items() if k != "typ"}, claims, key),
        "no kid": signed({k: v for k, v in head.items() if k != "kid"}, claims, key),
        "kid unknown": signed({**head, "kid": "0" * 16}, claims, key),
        "kid path": signed({**head, "kid": "../../../dev/null"}, claims, b""),
        "kid SQL": signed({**head, "kid": "' UNION SELECT 'x' --"}, claims, b"x"),
        "kid number": signed({**head, "kid": 0}, claims, key),
        "jku": signed({**head, "jku": "https://evil.example/keys"}, claims, key),
        "jwk": signed({**head, "jwk": {"kty": "oct", "k": b64(b"x" * 32)}}, claims, b"x" * 32),
        "x5u": signed({**head, "x5u": "https://evil.example/x"}, claims, key),
        "crit": signed({**head, "crit": ["exp"]}, claims, key),
        "b64 false": signed({**head, "b64": False, "crit": ["b64"]}, claims, key),
        "cty JWT": signed({**head, "cty": "JWT"}, claims, key),
        "head a list": signed([head], claims, key),
        "wrong key": signed(head, claims, b"k" * 32),
        "empty key": signed(head, claims, b""),
        "the raw secret": signed(head, claims, gate.auth.key.secret),
        "the key of another use": signed(head, claims, gate.auth.key.derived("attempts")),
        "no signature": f"{first}.{second}.",
        "two parts": f"{first}.{second}",
        "four parts": f"{good}.{third}",
        "truncated": good[:-3],
        "one bit off": good[:-2] + ("A" if good[-2] != "A" else "B") + good[-1],
        "signature spelt twice": _respelt(good),
        "padded": good + "=",
        "a space inside": good.replace(".", ". ", 1),
        "payload swapped": f"{first}.{other.split('.')[1]}.{third}",
        "payload a list": signed(head, [claims], key),
        "payload not JSON": signed(head, b"\xff\xfe", key),
        "payload deep": signed(head, b"[" * 600 + b"]" * 600, key),
        "expired": signed(head, {**claims, "exp": now - 1}, key),
        "expires never": signed(head, {**claims, "exp": now + 10**9}, key),
        "expires as text": signed(head, {**claims, "exp": str(now + 60)}, key),
        "expires infinitely": signed(
            head, json.dumps(claims).encode()[:-1] + b',"exp":1e999}', key
        ),
        "not yet": signed(head, {**claims, "nbf": now + 600}, key),
        "issued later": signed(head, {**claims, "iat": now + 600, "exp": now + 900}, key),
        "other issuer": signed(head, {**claims, "iss": "evil"}, key),
        "other audience": signed(head, {**claims, "aud": "evil"}, key),
        "several audiences": signed(head, {**claims, "aud": [claims["aud"], "evil"]}, key),
        "stamp of tomorrow": signed(head, {**claims, "ver": claims["ver"] + 1}, key),
        "stamp of yesterday": signed(head, {**claims, "ver": claims["ver"] - 1}, key),
        "stamp true": signed(head, {**claims, "ver": True}, key),
        "unknown user": signed(head, {**claims, "sub": str(uuid4())}, key),
        "user a list": signed(head, {**claims, "sub": [claims["sub"]]}, key),
        "unknown session": signed(head, {**claims, "sid": str(uuid4())}, key),
        "session of another": signed(head, {**claims, "sid": parts_of(other)[1]["sid"]}, key),
        "other tenant": signed(head, {**claims, "tid": parts_of(other)[1]["tid"]}, key),
        "unknown tenant": signed(head, {**claims, "tid": str(uuid4())}, key),
        "an unknown claim": signed(head, {**claims, "roles": ["admin"]}, key),
        "refresh as access": refresh,
        "API key that nobody has": f"crm_1_{uuid4().hex}_{'A' * 43}",
        "1 MB": f"{first}.{b64(b'x' * 1_000_000)}.{third}",
        "empty": "",
        "dots": "..",
        "not ASCII": "é.é.é",
    }
    for claim in claims:
        rest = {k: v for k, v in claims.items() if k != claim}
        found[f"without {claim}"] = signed(head, rest, key)
    return found


def _respelt(token: str) -> str:
    """Return the same bytes with another last character: base64 leaves two bits of it unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(token[-1])
    return token[:-1] + alphabet[place + 1 if place % 4 != 3 else place - 1]


async def test_no_forged_token_is_accepted(gate):
    """D6: at least 40 forgeries, 0 accepted, no 5xx."""
    mine = await gate.enter(await gate.user("admin"))
    other = await gate.enter(await gate.user("admin", tenant="globex"))
    good = mine["access"]
    assert (await gate.get(ME, good)).status_code == 200
    pack = forgeries(gate, good, other["access"], mine["refresh"])
    assert len(pack) >= 60
    answers = {}
    for name, token in pack.items():
        raw = {"authorization": f"Bearer {token}".encode()}
        async with gate.client() as client:
            answers[name] = await client.get(ME, headers=raw)
    assert {n: a.status_code for n, a in answers.items() if a.status_code != 401} == {}
    assert (await gate.get(ME, good)).status_code == 200


async def test_other_schemes_and_parameters_carry_no_credential(gate):
    """D10, A5: never from the query string, a cookie or another scheme."""
    token = (await gate.enter(await gate.user("admin")))["access"]
    host = {"host": "acme.localhost"}
    assert (await gate.get(f"{ME}?access_token={token}", **host)).status_code == 401
    assert (await gate.get(ME, **host, cookie=f"access={token}")).status_code == 401
    assert (await gate.get(ME, **host, authorization=f"Basic {token}")).status_code == 401
    assert (await gate.get(ME, **host, authorization=token)).status_code == 401
    assert (await gate.get(ME, **host, x_authorization=f"Bearer {token}")).status_code == 401
    assert (await gate.get(ME, **host, authorization=f"bearer {token}")).status_code == 200


async def test_tenant_comes_from_the_credential(gate):
    """A5: host, header, body and query cannot move a person to another tenant."""
    token = (await gate.enter(await gate.user("admin")))["access"]
    acme, globex = gate.platform.by_slug["acme"], gate.platform.by_slug["globex"]
    for name in (acme.slug, str(acme.id), acme.slug.upper()):
        assert (await gate.get(ME, token, x_tenant_id=name)).status_code == 200
    refused = [
        await gate.get(ME, token, x_tenant_id=globex.slug),
        await gate.get(ME, token, x_tenant_id=str(globex.id)),
        await gate.get(ME, token, x_tenant_id="nowhere"),
        await gate.get(ME, token, x_tenant_id=""),
        await gate.get(ME, token, host="globex.localhost"),
        await gate.get(ME, token, host="acme.localhost", x_tenant_id="globex"),
    ]
    assert {a.status_code for a in refused} == {403}
    assert all(problem(a) == problem(refused[0]) for a in refused)
    assert problem(refused[0])["code"] == "tenant_mismatch"
    by_query = await gate.get(f"{ME}?tenant=globex&tenant_id={globex.id}", token)
    assert by_query.status_code in (200, 400)
    assert "globex" not in by_query.text.lower()


async def test_anonymous_without_tenant_is_refused(gate):
    assert (await gate.get(ME)).status_code == 401
    assert (await gate.get(ME, x_tenant_id="acme")).status_code == 401
    assert (await gate.get(ME, host="acme.localhost")).status_code == 401


def ring(*keys: str) -> KeyRing:
    return KeyRing("\n".join(keys).encode())


def token_of(tokens: AccessTokens) -> str:
    return tokens.sign(tenant=uuid4(), user=uuid4(), session=uuid4(), stamp=1)


OLD, NEW, NEWER = "o" * 64, "n" * 64, "m" * 64


def test_newest_key_signs_and_the_one_before_still_verifies():
    """D6: two active keys; the third last is dead."""
    old = token_of(AccessTokens(ring(OLD)))
    both = AccessTokens(ring(OLD, NEW))
    assert both.read(old).ver == 1
    assert jwt.get_unverified_header(token_of(both))["kid"] == ring(NEW).newest.id
    with pytest.raises(Unauthenticated):
        AccessTokens(ring(OLD, NEW, NEWER)).read(old)
    with pytest.raises(Unauthenticated):
        AccessTokens(ring(OLD)).read(token_of(both))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short", b"o" * 64 + b"\nshort"])
def test_weak_key_file_is_refused(content):
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(content)


def test_key_never_shows_itself():
    assert OLD not in repr(ring(OLD).newest)


def test_remembered_token_still_expires(monkeypatch):
    tokens = AccessTokens(ring(OLD))
    token = token_of(tokens)
    assert tokens.read(token)
    later = time.time() + 901
    monkeypatch.setattr("core.auth.tokens.access_tokens.time.time", lambda: later)
    with pytest.raises(Unauthenticated):
        tokens.read(token)


def test_memory_of_tokens_is_bounded():
    memory: LruCache[int, int] = LruCache(3)
    for number in range(10):
        memory.put(number, number)
        memory.get(7)
    assert len(memory) == 3
    assert memory.get(7) == 7
    assert memory.get(0) is None

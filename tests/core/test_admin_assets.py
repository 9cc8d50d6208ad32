"""Static files: what is vendored is what the lock says; what is served is named by its hash."""

import gzip
import tomllib
from pathlib import Path

import pytest
from litestar import Litestar, Request, Response
from litestar.testing import AsyncTestClient

from core.admin.look.assets import (
    STATIC,
    YEAR,
    Assets,
    asset_route,
    make_asset,
    merge_layers,
    read_folder,
    read_plugin,
)
from core.admin.look.environment import Renderer
from core.errors import NotFound, StartRefused
from core.server.router import route_by_table
from tools.vendoring import LOCK, VENDOR, digest

ENTRIES = tomllib.loads(LOCK.read_text("utf-8"))["file"]
BESIDE = {"vendor.lock", "LICENSES.txt"}


def test_vendored_files_are_byte_for_byte_what_the_lock_says() -> None:
    assert len(ENTRIES) >= 11
    changed = [
        e["file"] for e in ENTRIES if digest((VENDOR / e["file"]).read_bytes()) != e["sha384"]
    ]
    assert changed == []


def test_no_file_lies_beside_the_lock_that_it_does_not_name() -> None:
    lying = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*")}
    assert lying == {entry["file"] for entry in ENTRIES} | BESIDE


def test_every_vendored_package_has_its_licence_beside_it() -> None:
    text = (VENDOR / "LICENSES.txt").read_text("utf-8")
    for entry in ENTRIES:
        assert f"{entry['name']} {entry['version']}\n" in text


def test_name_carries_the_hash_of_the_content() -> None:
    one, other = make_asset("js/a.js", b"1"), make_asset("js/a.js", b"2")
    assert one.name.startswith("js/a.")
    assert one.name.endswith(".js")
    assert one.name != other.name
    assert gzip.decompress(one.packed) == b"1"


def test_style_sheet_names_another_file_by_its_hashed_address() -> None:
    assets = Assets()
    found = assets.add({"a.css": b'x{background:url("asset:p.png")}', "p.png": b"P"})
    sheet = assets.served[found["a.css"].removeprefix("/app/static/")]
    assert sheet.content == b'x{background:url("' + found["p.png"].encode() + b'")}'


def test_style_sheet_that_names_a_missing_file_is_refused() -> None:
    with pytest.raises(StartRefused, match=r"p\.png"):
        Assets().add({"a.css": b'x{background:url("asset:p.png")}'})


def test_later_layer_replaces_by_path() -> None:
    assert merge_layers([{"a": b"1", "b": b"1"}, {"b": b"2"}]) == {"a": b"1", "b": b"2"}


def test_plugin_may_not_put_files_outside_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "static" / "other").mkdir(parents=True)
    (tmp_path / "static" / "other" / "x.css").write_text("a{}")
    with pytest.raises(StartRefused, match="must lie in static/mine/"):
        read_plugin("mine", tmp_path)


def test_lock_and_licences_are_not_served() -> None:
    assert "vendor/LICENSES.txt" not in read_folder(STATIC)
    assert "vendor/vendor.lock" not in read_folder(STATIC)


@pytest.fixture(scope="module")
def looks() -> Renderer:
    return Renderer({})


@pytest.fixture
def app(looks: Renderer) -> Litestar:
    def answer(_request: Request, _error: NotFound) -> Response:
        return Response(None, status_code=404)

    made = Litestar(exception_handlers={NotFound: answer}, openapi_config=None)
    route_by_table(made, [asset_route(looks.assets)])
    return made


async def test_file_is_cached_for_a_year_and_compressed(app: Litestar, looks: Renderer) -> None:
    address = looks.asset("default", "crm.css")
    async with AsyncTestClient(app) as client:
        reply = await client.get(address, headers={"accept-encoding": "gzip"})
        plain = await client.get(address, headers={"accept-encoding": "identity"})
        head = await client.head(address)
        again = await client.get(address, headers={"if-none-match": reply.headers["etag"]})
    assert reply.headers["cache-control"] == YEAR
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text == plain.text
    assert "content-encoding" not in plain.headers
    assert (head.status_code, head.content) == (200, b"")
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "crm.css",
        "vendor/vendor.lock",
        "../tokens.toml",
        "..%2ftokens.toml",
        "%2e%2e/tokens.toml",
        "js/../../assets.py",
        "/etc/passwd",
        "vendor//etc/passwd",
        "",
    ],
)
async def test_nothing_else_is_served(app: Litestar, name: str) -> None:
    async with AsyncTestClient(app) as client:
        assert (await client.get(f"/app/static/{name}")).status_code == 404


def test_page_carries_at_most_120_kb(looks: Renderer) -> None:
    """What every page loads, packed; with a list of fifty rows it stays below 120 kB."""
    every = (
        "vendor/basecoat.css",
        "vendor/basecoat.js",
        "vendor/basecoat-command.js",
        "vendor/basecoat-toast.js",
        "vendor/htmx.js",
        "vendor/lucide.svg",
        "vendor/inter-latin.woff2",
        "crm.css",
        "theme-default.css",
        "js/mode.js",
        "js/dialogs.js",
        "js/crm.js",
        "js/fields.js",
        "mark.svg",
    )
    files = [
        looks.assets.served[looks.asset("default", n).removeprefix("/app/static/")] for n in every
    ]
    assert sum(len(f.packed or f.content) for f in files) < 108_000


def test_our_own_style_sheet_and_behaviour_stay_small(looks: Renderer) -> None:
    def packed(name: str) -> int:
        address = looks.asset("default", name).removeprefix("/app/static/")
        return len(looks.assets.served[address].packed)

    assert packed("crm.css") <= 10_000
    assert sum(packed(f"js/{n}.js") for n in ("mode", "crm", "fields", "board", "chart")) <= 8_000


def test_every_icon_of_the_lock_is_in_the_sprite(looks: Renderer) -> None:
    wanted = tomllib.loads(LOCK.read_text("utf-8"))["icons"]
    assert looks.icons == frozenset(wanted)
    with pytest.raises(LookupError, match="no icon 'nothing'"):
        looks.environment("default", "en").from_string("{{ icon('nothing') }}").render()

"""Static files: what is vendored is what the lock says; what is served is named by its hash."""

import gzip
import tomllib
from pathlib import Path

import pytest

from core.admin.assets import STATIC, Assets, make_asset, merged, read_plugin
from core.admin.vendoring import LOCK, VENDOR, digest
from core.errors import StartRefused

ENTRIES = tomllib.loads(LOCK.read_text("utf-8"))["file"]
BESIDE = {"vendor.lock", "LICENSES.txt"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e["file"])
def test_vendored_file_is_byte_for_byte_what_the_lock_says(entry: dict[str, str]) -> None:
    assert digest((VENDOR / entry["file"]).read_bytes()) == entry["sha384"]


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
    assert merged([{"a": b"1", "b": b"1"}, {"b": b"2"}]) == {"a": b"1", "b": b"2"}


def test_plugin_may_not_put_files_outside_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "static" / "other").mkdir(parents=True)
    (tmp_path / "static" / "other" / "x.css").write_text("a{}")
    with pytest.raises(StartRefused, match="must lie in static/mine/"):
        read_plugin("mine", tmp_path)


def test_lock_and_licences_are_not_served() -> None:
    assert not any(path.suffix in {".lock", ".txt"} for path in STATIC.glob("*"))
    assert make_asset("a.css", b"").media == "text/css; charset=utf-8"

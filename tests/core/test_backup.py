"""A backup is one private file that restores whole, and anything else is refused (ruling 15)."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.postgres import backup, embedded, roles
from core.postgres.backup import BackupRefused
from tests.core.apps import ask

pytestmark = [pytest.mark.embedded, pytest.mark.slow]


@pytest.fixture
def url(own_server: embedded.Server) -> Iterator[str]:
    """The owner's URL of a database that holds a walled table, an extension and a view."""
    owner, admin = own_server.url("crm_owner"), own_server.url("postgres", "postgres")
    ask(
        owner,
        "CREATE EXTENSION pg_trgm",
        "CREATE TABLE kept (n int PRIMARY KEY, word text)",
        "ALTER TABLE kept ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY wall ON kept USING (n = 1)",
        "GRANT SELECT ON kept TO crm_app",
        "CREATE VIEW words AS SELECT word FROM kept",
        "INSERT INTO kept SELECT n, 'wörd ' || n FROM generate_series(1, 1000) n",
    )
    yield owner
    ask(admin, "DROP DATABASE IF EXISTS trellis WITH (FORCE)")
    roles.prepare(admin, own_server.passwords)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A home with files of every kind."""
    folder = tmp_path / "home"
    for name, content in {
        "files/ab/invoice.pdf": "invoice",
        "secrets/session.key": "key",
        "secrets/postgres.json": "{}",
        "postgres/cluster/PG_VERSION": "18",
        "cache/x": "x",
        ".hidden": "x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as opened:
        return opened.getnames()


def changed(archive: Path, target: Path, name: str, content: bytes) -> Path:
    """Copy the archive with one member replaced or added."""
    with tarfile.open(archive) as old, tarfile.open(target, "w") as new:
        for entry in old:
            if entry.name != name:
                new.addfile(entry, old.extractfile(entry))
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        new.addfile(entry, io.BytesIO(content))
    return target


def test_round_trip_keeps_rows_walls_grants_and_files(
    own_server: embedded.Server, url: str, source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "full.tar"
    made = backup.backup(url, source, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(target) == ["database.dump", "home/files/ab/invoice.pdf", "manifest.json"]
    assert made.postgresql.startswith("18.")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    admin = own_server.url("postgres", "postgres")
    ask(admin, "DROP DATABASE trellis WITH (FORCE)")
    roles.prepare(admin, own_server.passwords)
    empty = tmp_path / "other"
    assert backup.restore(url, empty, target) == made
    assert ask(url, "SELECT count(*) FROM words") == 1000
    assert ask(url, "SELECT tableowner FROM pg_tables WHERE tablename = 'kept'") == "crm_owner"
    assert ask(own_server.url("crm_app"), "SELECT string_agg(word, ',') FROM kept") == "wörd 1"
    assert (empty / "files/ab/invoice.pdf").read_text() == "invoice"
    assert (empty / "files/ab/invoice.pdf").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in empty.iterdir()] == ["files"]


def test_round_trip_on_an_external_server_uses_programs_of_its_release(
    old_server: str, source: Path, tmp_path: Path
) -> None:
    """An archive of pg_dump 18 would not go back into PostgreSQL 15."""
    roles.prepare(old_server, dict.fromkeys(roles.NAMES, "secret"), "fifteen")
    url = old_server.replace("boss", "crm_owner").replace("/postgres?", "/fifteen?")
    ask(url, "CREATE TABLE kept AS SELECT 15 AS n")
    made = backup.backup(url, source, tmp_path / "b.tar")
    assert made.postgresql.startswith("15.")
    backup.restore(url, source, tmp_path / "b.tar", force=True)
    assert ask(url, "SELECT n FROM kept") == 15
    ask(old_server, "DROP DATABASE fifteen")
    ask(old_server, *(f"DROP ROLE {name}" for name in roles.NAMES))


def test_secrets_are_saved_on_request_only_and_never_the_servers_own(
    url: str, source: Path, tmp_path: Path
) -> None:
    backup.backup(url, source, tmp_path / "b.tar", include_secrets=True)
    assert "home/secrets/session.key" in names(tmp_path / "b.tar")
    assert "home/secrets/postgres.json" not in names(tmp_path / "b.tar")


def test_full_database_is_replaced_only_by_force(url: str, source: Path, tmp_path: Path) -> None:
    backup.backup(url, source, tmp_path / "b.tar")
    ask(url, "INSERT INTO kept VALUES (5000, 'later')", "CREATE SCHEMA later")
    with pytest.raises(BackupRefused, match="not empty"):
        backup.restore(url, source, tmp_path / "b.tar")
    assert ask(url, "SELECT count(*) FROM kept") == 1001
    backup.restore(url, source, tmp_path / "b.tar", force=True)
    assert ask(url, "SELECT count(*) FROM kept") == 1000
    assert ask(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'later'") == 0
    assert (source / "secrets/session.key").read_text() == "key"


def test_existing_file_is_never_replaced(url: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_text("precious")
    with pytest.raises(BackupRefused, match="exists already"):
        backup.backup(url, source, tmp_path / "b.tar")
    assert (tmp_path / "b.tar").read_text() == "precious"


def test_damaged_or_foreign_archives_are_refused(url: str, source: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.tar"
    backup.backup(url, source, good)
    with tarfile.open(good) as opened:
        content = opened.extractfile("manifest.json")
        assert content is not None
        manifest = json.loads(content.read())
    (tmp_path / "noise.tar").write_bytes(b"noise")
    (tmp_path / "short.tar").write_bytes(good.read_bytes()[:3000])
    copies = {
        "home/files/ab/invoice.pdf": (b"forged!", "invoice.pdf differs"),
        "home/files/added": (b"x", "added differs"),
        "home/../../evil": (b"x", "no backup of ours"),
        "/evil": (b"x", "no backup of ours"),
        "manifest.json": (json.dumps(manifest | {"format": 2}).encode(), "the format 2"),
    }
    cases = [(tmp_path / "noise.tar", "not a whole"), (tmp_path / "short.tar", "not a whole")]
    for number, (name, (text, reason)) in enumerate(copies.items()):
        cases.append((changed(good, tmp_path / f"{number}.tar", name, text), reason))
    for key, value in (("product", "99.0"), ("postgresql", "99.1")):
        text = json.dumps(manifest | {key: value}).encode()
        cases.append((changed(good, tmp_path / f"{key}.tar", "manifest.json", text), "99"))
    for archive, reason in cases:
        with pytest.raises(BackupRefused, match=reason):
            backup.restore(url, source, archive, force=True)
    assert ask(url, "SELECT count(*) FROM kept") == 1000
    assert not (tmp_path / "evil").exists()


def test_password_is_not_among_the_words_of_pg_dump() -> None:
    """Every user of the machine can read the command lines of all processes."""
    for host, tail in (("", "?host=/run/x&port=5432"), ("db.example:6432", "?sslmode=require")):
        bare, secret = backup._without_password(f"postgresql://me:p%40ss@{host}/trellis{tail}")
        assert bare == f"postgresql://me@{host}/trellis{tail}"
        assert secret == {"PGPASSWORD": "p@ss"}
    assert backup._without_password("postgresql://me@h/d") == ("postgresql://me@h/d", {})


def test_program_that_fails_is_quoted(
    own_server: embedded.Server, url: str, source: Path, tmp_path: Path
) -> None:
    wrong = url.replace(own_server.passwords["crm_owner"], "wrong")
    with pytest.raises(BackupRefused, match=r"pg_dump failed: .*password authentication failed"):
        backup._run(wrong, (18, 6), "pg_dump", f"--file={tmp_path / 'x'}")
    with pytest.raises(BackupRefused, match="No pg_dump of PostgreSQL 99"):
        backup._run(url, (99, 0), "pg_dump")

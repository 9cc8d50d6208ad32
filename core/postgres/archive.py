"""The tar file of a backup: every file with its hash, the manifest last; refuses a damaged one."""

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

FORMAT = 1
PRODUCT = "trellis-crm"
MANIFEST, DUMP = "manifest.json", "database.dump"


class BackupRefused(RuntimeError):
    """The backup cannot be written or restored; the message says why and what to do."""


class ArchivedFile(msgspec.Struct, frozen=True):
    """One file of the backup and the hash that it must have."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What the backup holds and what made it."""

    format: int
    product: str
    postgresql: str
    made: str
    files: tuple[ArchivedFile, ...]


class _Hashed:
    """A readable file that hashes what was read, so that hash and copy cannot differ."""

    def __init__(self, source: IO[bytes]) -> None:
        self.source, self.digest = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        return block


def pack(file: IO[bytes], sources: Iterable[tuple[str, Path]], server: tuple[int, int]) -> Manifest:
    """Stream the files into the archive; the manifest comes last, when their hashes are known."""
    kept = []
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, path in sources:
            try:
                opened = path.open("rb")
            except FileNotFoundError:  # removed since it was listed
                continue
            with opened:
                hashed, size = _Hashed(opened), os.fstat(opened.fileno()).st_size
                archive.addfile(_entry(name, size), hashed)
            kept.append(ArchivedFile(name, size, hashed.digest.hexdigest()))
        manifest = Manifest(
            format=FORMAT,
            product=version(PRODUCT),
            postgresql=".".join(map(str, server)),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            files=tuple(kept),
        )
        content = msgspec.json.format(msgspec.json.encode(manifest))
        archive.addfile(_entry(MANIFEST, len(content)), io.BytesIO(content))
    return manifest


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def unpack(source: Path, folder: Path) -> Manifest:
    """Write the archive's files into the private folder and compare each with the manifest."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            found = {entry.name: _extract(archive, entry, folder) for entry in archive}
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (tarfile.TarError, FileNotFoundError, EOFError, msgspec.DecodeError) as error:
        raise BackupRefused(f"{source} is not a whole backup: {error}.") from error
    if manifest.format != FORMAT:
        raise BackupRefused(f"{source} has the format {manifest.format}; known is {FORMAT}.")
    found.pop(MANIFEST)
    expected = {kept.path: kept.sha256 for kept in manifest.files}
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            raise BackupRefused(f"{source} is damaged: {name} differs from the manifest.")
    if DUMP not in expected:
        raise BackupRefused(f"{source} holds no database.")
    return manifest


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> str:
    name = PurePosixPath(entry.name)
    known = entry.name in (MANIFEST, DUMP) or name.parts[:1] == ("home",)
    if not entry.isreg() or not known or name.is_absolute() or ".." in name.parts:
        raise BackupRefused(f"The backup holds {entry.name!r}, which no backup of ours does.")
    content = archive.extractfile(entry)
    assert content is not None  # a regular file has content
    path, hashed = folder / name, _Hashed(content)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(hashed, file, 1024 * 1024)
    return hashed.digest.hexdigest()

"""The config file of a running server: taken over when edited, edited by many at once."""

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from core.config import Config, ConfigError, ConfigFile, check_against, load
from core.errors import Conflict, NotFound

REQUIRES = {"loyalty": ["customers"]}
TEXT = """\
# operators' notes
[plugins]
installed = ["customers", "loyalty", "tickets"]

[tenants.acme]   # first customer
plugins = [
  "customers",   # everybody has it
  "loyalty",
]

[tenants.globex]
name = "Globex"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "crm.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def file(path: Path) -> ConfigFile:
    return ConfigFile(path, environ={}, requires=REQUIRES)


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """What is logged, although the suite is quiet."""
    capture = LogCapture()
    before = structlog.get_config()
    everything = structlog.make_filtering_bound_logger(logging.NOTSET)
    structlog.configure(processors=[capture], wrapper_class=everything)
    yield capture
    structlog.configure(**before)


# -- reload ------------------------------------------------------------------


def test_edit_applies_as_a_whole(path: Path, file: ConfigFile) -> None:
    before = file.current
    assert file.refresh() is False
    path.write_text(TEXT.replace("Globex", "Globex Inc"))
    assert file.refresh() is True
    assert file.current.tenants["globex"].name == "Globex Inc"
    assert before.tenants["globex"].name == "Globex"  # a request that began keeps its own


def test_same_size_edits_within_one_tick_are_noticed(path: Path, file: ConfigFile) -> None:
    for i in range(50):
        path.write_text(TEXT.replace("Globex", f"Globe{i:02}"))
        file.refresh()
        assert file.current.tenants["globex"].name == f"Globe{i:02}"


def test_wrong_edit_keeps_the_old_one_and_logs_once(
    path: Path, file: ConfigFile, log: LogCapture
) -> None:
    good = file.current
    path.write_text(TEXT + 'timezon = "UTC"\n')
    assert [file.refresh() for _ in range(5)] == [False] * 5
    assert file.current is good
    (entry,) = log.entries
    assert (entry["event"], entry["log_level"]) == ("config_refused", "error")
    assert entry["problems"][0].startswith(
        f'{path}:13: tenants.globex.timezon: unknown key "timezon"'
    )
    path.write_text(TEXT.replace("Globex", "Again"))
    assert file.refresh() is True
    assert file.current.tenants["globex"].name == "Again"


def test_vanished_file_keeps_the_old_one(path: Path, file: ConfigFile, log: LogCapture) -> None:
    path.unlink()
    assert file.refresh() is False
    assert "no such file" in log.entries[0]["problems"][0]
    path.write_text(TEXT.replace("Globex", "Back"))
    assert file.refresh() is True


def test_tenants_folder_is_watched(path: Path, file: ConfigFile) -> None:
    folder = path.parent / "tenants.d"
    folder.mkdir()
    third = folder / "third.toml"
    third.write_text("[tenants.third]\n")
    assert file.refresh() is True
    assert "third" in file.current.tenants
    third.unlink()
    assert file.refresh() is True
    assert "third" not in file.current.tenants


def test_check_of_the_registry_governs_start_and_reload(
    path: Path, file: ConfigFile, log: LogCapture
) -> None:
    def check(config: Config) -> None:
        check_against(config, ["customers", "loyalty", "tickets"], REQUIRES, {})

    file.govern(check, REQUIRES)
    path.write_text(TEXT.replace('  "customers",   # everybody has it\n', ""))
    assert file.refresh() is False
    assert '"loyalty" requires "customers"' in log.entries[0]["problems"][0]
    with pytest.raises(ConfigError, match="not enabled here"):
        ConfigFile(path, environ={}, check=check)


def test_sections_that_need_a_restart_are_named(
    path: Path, file: ConfigFile, log: LogCapture
) -> None:
    path.write_text(TEXT + "[server]\nport = 9000\n")
    assert file.refresh() is True
    assert log.entries[0]["event"] == "config_needs_restart"
    assert log.entries[0]["sections"] == ["server"]


def test_unchanged_file_costs_microseconds(file: ConfigFile) -> None:
    time.sleep(0.06)  # let the file settle
    file.refresh()
    started = time.perf_counter()
    for _ in range(1000):
        file.refresh()
    assert time.perf_counter() - started < 0.5  # under 0.5 ms each, on any machine


# -- switching plugins -------------------------------------------------------


def test_switching_keeps_every_comment(path: Path, file: ConfigFile) -> None:
    assert file.switch_plugin("acme", "tickets", True) == ("tickets",)
    assert file.current.tenants["acme"].plugins == ("customers", "loyalty", "tickets")
    for comment in ("# operators' notes", "# first customer", "# everybody has it"):
        assert comment in path.read_text()
    file.switch_plugin("acme", "tickets", False)
    assert load(path, environ={}).tenants["acme"].plugins == ("customers", "loyalty")


def test_enabling_closes_over_requirements(path: Path, file: ConfigFile) -> None:
    assert file.switch_plugin("globex", "loyalty", True) == ("customers", "loyalty")
    assert load(path, environ={}).tenants["globex"].plugins == ("customers", "loyalty")


def test_switching_to_the_same_state_writes_nothing(path: Path, file: ConfigFile) -> None:
    before = path.stat()
    assert file.switch_plugin("acme", "loyalty", True) == ()
    assert file.switch_plugin("acme", "tickets", False) == ()
    assert path.stat().st_ino == before.st_ino


def test_disabling_what_is_required_is_refused(path: Path, file: ConfigFile) -> None:
    with pytest.raises(Conflict, match='"loyalty" requires "customers"; disable "loyalty" first'):
        file.switch_plugin("acme", "customers", False)
    assert path.read_text() == TEXT


@pytest.mark.parametrize(("tenant", "plugin"), [("none", "loyalty"), ("acme", "none")])
def test_unknown_tenant_or_plugin_is_not_found(file: ConfigFile, tenant: str, plugin: str) -> None:
    with pytest.raises(NotFound):
        file.switch_plugin(tenant, plugin, True)


def test_file_with_mistakes_is_not_edited(path: Path, file: ConfigFile) -> None:
    path.write_text(TEXT + "x = 1\n")
    with pytest.raises(Conflict, match="correct them first") as caught:
        file.switch_plugin("acme", "tickets", True)
    assert caught.value.code == "config_invalid"
    assert path.read_text() == TEXT + "x = 1\n"


def test_edit_goes_to_the_file_that_holds_the_tenant(path: Path, file: ConfigFile) -> None:
    third = path.parent / "tenants.d" / "third.toml"
    third.parent.mkdir()
    third.write_text("[tenants.third] # apart\n")
    file.switch_plugin("third", "tickets", True)
    assert third.read_text() == '[tenants.third] # apart\nplugins = ["tickets"]\n'
    assert path.read_text() == TEXT


@pytest.mark.parametrize(
    "text",
    [
        '[plugins]\ninstalled = ["customers", "tickets"]\n[tenants]\nacme = {name = "A"}\n',
        '[plugins]\ninstalled = ["customers", "tickets"]\n[tenants]\nacme.plugins = []\n',
        '[plugins]\ninstalled = ["customers", "tickets"]\n'
        "[tenants.acme.settings.tickets]\nx = 1\n[server]\nport = 1\n[tenants.acme]\n",
        '[plugins]\r\ninstalled = ["customers", "tickets"]\r\n[tenants.acme]\r\n',
    ],
    ids=["inline table", "dotted key", "tables out of order", "windows line ends"],
)
def test_every_form_of_tenant_can_be_switched(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    file = ConfigFile(path, environ={})
    file.switch_plugin("acme", "tickets", True)
    assert load(path, environ={}).tenants["acme"].plugins == ("tickets",)
    file.switch_plugin("acme", "tickets", False)
    assert load(path, environ={}).tenants["acme"].plugins == ()


def test_mode_and_link_are_preserved(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link" / "crm.toml"
    link.parent.mkdir()
    link.symlink_to(path)
    ConfigFile(link, environ={}).switch_plugin("globex", "tickets", True)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert load(path, environ={}).tenants["globex"].plugins == ("tickets",)


def test_read_only_file_is_a_clear_conflict(path: Path, file: ConfigFile) -> None:  # ruling 14
    path.chmod(0o444)
    with pytest.raises(Conflict, match="is read-only here; change it where it is kept") as caught:
        file.switch_plugin("acme", "tickets", True)
    assert (caught.value.status, caught.value.code) == (409, "config_read_only")
    assert path.read_text() == TEXT


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into any folder")
def test_read_only_folder_is_a_clear_conflict(path: Path, file: ConfigFile) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(Conflict, match="is read-only here"):
            file.switch_plugin("acme", "tickets", True)
    finally:
        path.parent.chmod(0o700)


def _many(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "crm.toml"
    tenants = "".join(f"[tenants.t{i}]\nplugins = []\n" for i in range(count))
    path.write_text(f'[plugins]\ninstalled = ["customers"]\n{tenants}')
    return path


def _switch(path: Path, tenant: str) -> None:
    ConfigFile(path, environ={}).switch_plugin(tenant, "customers", True)


def _survivors(path: Path) -> int:
    tenants = load(path, environ={}).tenants.values()
    return sum(tenant.plugins == ("customers",) for tenant in tenants)


def test_edits_of_50_threads_all_survive(tmp_path: Path) -> None:  # ruling 14
    path = _many(tmp_path, 50)
    threads = [threading.Thread(target=_switch, args=(path, f"t{i}")) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _survivors(path) == 50


def test_edits_of_many_processes_all_survive(tmp_path: Path) -> None:  # ruling 14
    path = _many(tmp_path, 50)
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(4) as pool:
        pool.starmap(_switch, [(path, f"t{i}") for i in range(50)])
        pool.close()
        pool.join()
    assert _survivors(path) == 50
    assert {p.name for p in tmp_path.iterdir()} == {".crm.toml.lock", "crm.toml"}


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = _many(tmp_path, 20)
    wrong: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                load(path, environ={})
            except ConfigError as error:
                wrong.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(20):
        _switch(path, f"t{i}")
    done.set()
    reader.join()
    assert wrong == []

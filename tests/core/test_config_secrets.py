"""Where secrets come from, and how they are kept from other users of the machine."""

import threading
from pathlib import Path

import pytest

from core.config import ConfigError, from_environment, generated_key, load, secret_key
from tests.core.config_files import BASE, Write, refused

SECRET_URL = "postgresql://crm_app:s3cr3t@db.example:5432/trellis"


def test_environment_names_file_home_and_server(write: Write, tmp_path: Path) -> None:
    config = from_environment(
        {
            "CRM_CONFIG": str(write(BASE, "other.toml")),
            "CRM_HOME": str(tmp_path / "home"),
            "CRM_DATABASE_URL": SECRET_URL,
        }
    )
    assert (config.path.name, config.home) == ("other.toml", tmp_path / "home")
    assert config.database.url == SECRET_URL
    assert "s3cr3t" not in repr(config)


def test_database_url_comes_from_a_file_and_the_environment_wins(write: Write) -> None:
    write(f"{SECRET_URL}\n", "url.txt")
    path = write('[database]\nurl_file = "url.txt"\n')
    assert load(path, environ={}).database.url == SECRET_URL
    other = {"CRM_DATABASE_URL": "postgresql:///trellis"}
    assert load(path, environ=other).database.url == "postgresql:///trellis"


def test_missing_secret_file_is_refused(write: Write) -> None:
    path = write('[database]\nowner_url_file = "none"\n')
    assert refused(path) == [
        "crm.toml:2: database.owner_url_file: cannot read none: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("mode", "passes"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)]
)
def test_password_in_a_file_that_others_read_is_refused(  # I5
    write: Write, mode: int, passes: bool
) -> None:
    path = write(f'[database]\nurl = "{SECRET_URL}"\n')
    path.chmod(mode)
    if passes:
        assert load(path, environ={}).database.url == SECRET_URL
    else:
        assert refused(path) == [
            "crm.toml:2: database.url: holds a password, and others may read this file "
            f"(mode {mode:04o}); run chmod 600, or use url_file or CRM_DATABASE_URL"
        ]


def test_generated_key_is_private_and_made_once_by_many(tmp_path: Path) -> None:  # I5
    home = tmp_path / "home"
    keys: list[bytes] = []
    starts = threading.Barrier(20)

    def make() -> None:
        starts.wait()
        keys.append(generated_key(home))

    threads = [threading.Thread(target=make) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(set(keys))) == (20, 1)
    assert [p.name for p in home.iterdir()] == ["secret.key"]
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600


def test_loosened_key_file_is_refused(tmp_path: Path) -> None:
    generated_key(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read this key"):
        generated_key(tmp_path)


def test_secret_key_sources_in_order(write: Write) -> None:
    write("f" * 40, "key.txt")
    environ = {"CRM_HOME": str(write(BASE).parent / "home")}
    path = write(BASE + '[server]\nsecret_key_file = "key.txt"\n')
    config = load(path, environ=environ)
    assert secret_key(config, {"CRM_SECRET_KEY": "e" * 32}) == b"e" * 32
    assert secret_key(config, {}) == b"f" * 40
    with pytest.raises(ConfigError, match="CRM_SECRET_KEY has fewer than 32 bytes"):
        secret_key(config, {"CRM_SECRET_KEY": "short"})
    plain = load(write(BASE, "plain.toml"), environ=environ)
    assert secret_key(plain, {}) == (plain.home / "secret.key").read_bytes()


def test_relative_home_is_resolved_in_the_current_folder(write: Write) -> None:
    assert load(write(BASE), environ={}).home == Path.cwd() / "var"

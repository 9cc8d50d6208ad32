"""What a configuration may say, and how exactly a wrong one is refused."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from core.config import (
    ChoiceConfig,
    Config,
    ConfigError,
    check_against,
    from_environment,
    generated_key,
    load,
    secret_key,
)
from core.config.lines import key_lines

SHIPPED = Path(__file__).parents[2] / "crm.toml"

BASE = """\
[plugins]
installed = ["customers", "loyalty"]

[tenants.acme]
name = "Acme"
hosts = ["acme.localhost"]
plugins = ["customers", "loyalty"]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "crm.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write_file


def refused(path: Path, environ: dict[str, str] | None = None) -> list[str]:
    """Return the lines of the refusal, with the folder taken off."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ=environ or {})
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_shipped_file_holds_the_demo_tenants() -> None:  # ruling 16
    config = load(SHIPPED, environ={})
    acme, globex = config.tenants["acme"], config.tenants["globex"]
    assert (acme.name, acme.phone_region, acme.currency) == ("Acme", "ID", "IDR")
    assert (acme.timezone, acme.hosts) == ("Asia/Jakarta", ("acme.localhost",))
    assert acme.plugins == ("customers", "loyalty")
    assert (globex.name, globex.phone_region, globex.currency) == ("Globex", "US", "USD")
    assert (globex.timezone, globex.hosts) == ("America/New_York", ("globex.localhost",))
    assert globex.plugins == ("customers",)
    assert config.server.aliases == {
        "/api/crm": "/api",
        "/admin-panel/api": "/api",
        "/api/accounts": "/api/auth",
    }


REFUSALS = {
    "unknown section": (
        "[sever]\nport = 1\n",
        'crm.toml:8: sever: unknown key "sever"; allowed: database, plugins, server, tenants; '
        'did you mean "server"?',
    ),
    "unknown key": (
        'locle = "id"\n',
        'crm.toml:8: tenants.acme.locle: unknown key "locle"; allowed: aliases, currency, '
        "dictionaries, hosts, locale, name, phone_region, plugins, require_if_match, roles, "
        'settings, theme, timezone; did you mean "locale"?',
    ),
    "slug is the table's name, not a key": (
        'slug = "acme"\n',
        'crm.toml:8: tenants.acme.slug: unknown key "slug"; allowed: aliases, currency, '
        "dictionaries, hosts, locale, name, phone_region, plugins, require_if_match, roles, "
        "settings, theme, timezone",
    ),
    "wrong type": (
        '[server]\nport = "80"\n',
        'crm.toml:9: server.port: expected int, got str (here "80")',
    ),
    "out of range": (
        "[server]\nport = 70000\n",
        "crm.toml:9: server.port: expected int <= 65535 (here 70000)",
    ),
    "a value where a table belongs": (
        "settings = 3\n",
        "crm.toml:8: tenants.acme.settings: expected object, got int (here 3)",
    ),
    "time zone": (
        'timezone = "Asia/Jakata"\n',
        'crm.toml:8: tenants.acme.timezone: unknown time zone "Asia/Jakata"; '
        'did you mean "Asia/Jakarta"?',
    ),
    "currency": (
        'currency = "usd"\n',
        'crm.toml:8: tenants.acme.currency: unknown currency "usd"; did you mean "USD"?',
    ),
    "locale": (
        'locale = "pt_BX"\n',
        'crm.toml:8: tenants.acme.locale: unknown locale "pt_BX"; did you mean "pt_BR"?',
    ),
    "phone region": (
        'phone_region = "Id"\n',
        'crm.toml:8: tenants.acme.phone_region: unknown phone region "Id"; did you mean "ID"?',
    ),
    "slug": (
        "[tenants.Acme_2]\n",
        'crm.toml:8: tenants.Acme_2: "Acme_2" cannot be a tenant\'s slug: a lower-case letter, '
        "then letters, digits and inner hyphens, at most 40",
    ),
    "plugin that is not installed": (
        '[tenants.b]\nplugins = ["loyalti"]\n',
        'crm.toml:9: tenants.b.plugins[0]: unknown plugin "loyalti"; allowed: customers, loyalty; '
        'did you mean "loyalty"?',
    ),
    "plugin listed twice": (
        '[tenants.b]\nplugins = ["customers", "customers"]\n',
        'crm.toml:9: tenants.b.plugins[1]: "customers" is listed twice',
    ),
    "settings of an unknown plugin": (
        "[tenants.acme.settings.loyality]\nx = 1\n",
        'crm.toml:8: tenants.acme.settings.loyality: unknown plugin "loyality"; '
        'allowed: customers, loyalty; did you mean "loyalty"?',
    ),
    "host of two tenants": (
        '[tenants.b]\nhosts = ["ACME.localhost"]\n',
        'crm.toml:9: tenants.b.hosts[0]: "acme.localhost" already belongs to tenant "acme" '
        "(crm.toml:6)",
    ),
    "host with a port": (
        '[tenants.b]\nhosts = ["b.example:8000"]\n',
        'crm.toml:9: tenants.b.hosts[0]: "b.example:8000" is not a host name such as '
        "acme.example.com, without a port",
    ),
    "grant without a scope": (
        '[tenants.acme.roles.clerk]\nlabel = "Clerk"\ngrants = ["customers.customer:list"]\n',
        'crm.toml:10: tenants.acme.roles.clerk.grants[0]: "customers.customer:list" is not a '
        'grant of the form "entity:action,action:scope", such as '
        '"customers.customer:list,view:all"',
    ),
    "role without a label": (
        "[tenants.acme.roles.clerk]\ngrants = []\n",
        'crm.toml:8: tenants.acme.roles.clerk: "label" is missing',
    ),
    "role like itself": (
        '[tenants.acme.roles]\na = {label = "A", like = "b"}\nb = {label = "B", like = "a"}\n',
        'crm.toml:9: tenants.acme.roles.a.like: "a" is like itself over "b"',
    ),
    "choice twice": (
        '[[tenants.acme.dictionaries."loyalty.tiers"]]\ncode = "gold"\nlabel = "Gold"\n'
        '[[tenants.acme.dictionaries."loyalty.tiers"]]\ncode = "gold"\nlabel = "Or"\n',
        'crm.toml:12: tenants.acme.dictionaries."loyalty.tiers"[1].code: "gold" is listed twice',
    ),
    "alias under itself": (
        '[server.aliases]\n"/api" = "/api/v1"\n',
        'crm.toml:9: server.aliases."/api": "/api/v1" lies under its own alias, '
        "so it would never resolve",
    ),
    "cors origin": (
        '[server]\ncors = ["http://localhost:5173/app"]\n',
        'crm.toml:9: server.cors[0]: "http://localhost:5173/app" is not an origin such as '
        "http://localhost:5173",
    ),
    "proxy": (
        '[server]\ntrusted_proxies = ["proxy"]\n',
        'crm.toml:9: server.trusted_proxies[0]: "proxy" is not an IP address or network',
    ),
    "not TOML": (
        "locale = id\n",
        "crm.toml:8: not valid TOML: Invalid value",
    ),
    "cut off": (
        'locale = "id',
        "crm.toml:8: not valid TOML: Unterminated string, the file ends too early",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_wrong_key_is_refused_with_file_line_and_nearest_name(write: Write, case: str) -> None:
    text, message = REFUSALS[case]
    assert refused(write(BASE + text))[0] == message


def test_every_problem_is_reported_in_the_order_of_the_file(write: Write) -> None:
    text = BASE + 'timezone = "Mars"\nlocle = "id"\n[server]\nport = true\nwrkers = 2\n'
    found = [line.split(": ")[:2] for line in refused(write(text))]
    assert found == [
        ["crm.toml:9", "tenants.acme.locle"],
        ["crm.toml:11", "server.port"],
        ["crm.toml:12", "server.wrkers"],
    ]


def test_missing_file_names_the_variable(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refused(path) == [
        "none.toml:1: no such file or directory; CRM_CONFIG names the config file"
    ]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "crm.toml"
    path.write_bytes(b"# \xff\n")
    assert refused(path) == ["crm.toml:1: not UTF-8 text at byte 2"]


def test_lines_are_found_through_every_form_of_toml() -> None:
    text = """\
# [a]
a.b = 1
text = \"\"\"
[not.a.table]
x = 1 \\\"\"\" still inside
\"\"\"
raw = '''
y = ''z''
'''
list = [ # comment with ]
  "]", '[',
  {k = 1},
]
["quoted \\u0041.name"]
'k' = {in = 1} # end
[[rows]]
n = 1
[[rows]]
n = 2
[rows.sub]
m = 3
"""
    lines = dict(reversed(list(key_lines(text))))
    assert lines[("a", "b")] == 2
    assert lines[("raw",)] == 7
    assert lines[("list",)] == 10
    assert lines[("quoted A.name", "k")] == 15
    assert lines[("rows", "[0]", "n")] == 17
    assert lines[("rows", "[1]", "n")] == 19
    assert lines[("rows", "[1]", "sub", "m")] == 21
    assert not {("x",), ("y",), ("not",), ("k",)} & lines.keys()


def test_choices_roles_and_settings_are_read(write: Write) -> None:
    text = """
[tenants.acme.settings.loyalty]
points_per_unit = 2
[[tenants.acme.dictionaries."loyalty.tiers"]]
code = "gold"
label = "Gold"
order = 3
[tenants.acme.roles.clerk]
label = "Clerk"
like = "staff"
grants = ["customers.customer:list,view:all"]
"""
    acme = load(write(BASE + text), environ={}).tenants["acme"]
    assert acme.settings == {"loyalty": {"points_per_unit": 2}}
    assert acme.dictionaries["loyalty.tiers"] == (ChoiceConfig(code="gold", label="Gold", order=3),)
    assert acme.roles["clerk"].like == "staff"
    assert acme.roles["clerk"].grants == ("customers.customer:list,view:all",)


# -- tenants.d ---------------------------------------------------------------


def test_tenants_may_live_in_files_of_their_own(write: Write) -> None:
    path = write(BASE)
    write('[tenants.globex]\nplugins = ["customers"]\n[tenants.third]\n', "tenants.d/more.toml")
    assert list(load(path, environ={}).tenants) == ["acme", "globex", "third"]


def test_tenant_in_two_files_is_refused_naming_both(write: Write) -> None:
    path = write(BASE)
    write("\n[tenants.acme]\n", "tenants.d/a.toml")
    assert refused(path) == [
        "tenants.d/a.toml:2: tenants.acme: this tenant is already defined in crm.toml:4"
    ]


def test_tenants_file_holds_tenants_only_and_its_lines_are_named(write: Write) -> None:
    path = write(BASE)
    write('[server]\nport = 1\n[tenants.b]\ncurrency = "XXB"\n', "tenants.d/b.toml")
    assert [line.split("; ")[0] for line in refused(path)] == [
        "tenants.d/b.toml:1: server: only [tenants.<slug>] tables may stand here",
        'tenants.d/b.toml:4: tenants.b.currency: unknown currency "XXB"',
    ]


# -- against the plugins -----------------------------------------------------


class Settings(msgspec.Struct, frozen=True):
    points_per_unit: Annotated[int, Meta(ge=1)] = 1
    expiry_months: int | None = None


def against(config: Config, **changes: object) -> list[str]:
    known: dict[str, object] = {
        "installed": ["customers", "loyalty"],
        "requires": {"loyalty": ["customers"]},
        "settings": {"loyalty": Settings},
        "entities": {"customers.customer": ("list", "view")},
        "scopes": ("all", "own"),
        "roles": ("staff",),
    }
    with pytest.raises(ConfigError) as caught:
        check_against(config, **(known | changes))  # type: ignore[arg-type]  # named above
    return str(caught.value).replace(f"{config.path.parent}/", "").splitlines()


def test_sound_configuration_passes_the_plugins(write: Write) -> None:
    config = load(write(BASE), environ={})
    check_against(config, ["customers", "loyalty"], {"loyalty": ["customers"]}, {})


def test_installed_plugin_that_does_not_exist_is_refused(write: Write) -> None:
    config = load(write(BASE), environ={})
    assert against(config, installed=["customers", "loyaltys"]) == [
        'crm.toml:2: plugins.installed[1]: unknown plugin "loyalty"; '
        'allowed: customers, loyaltys; did you mean "loyaltys"?'
    ]


def test_missing_requirement_is_refused_at_both_levels(write: Write) -> None:
    text = '[plugins]\ninstalled = ["loyalty"]\n[tenants.acme]\nplugins = ["loyalty"]\n'
    assert against(load(write(text), environ={})) == [
        'crm.toml:2: plugins.installed[0]: "loyalty" requires "customers", which is not '
        "installed; add it to the list",
        'crm.toml:4: tenants.acme.plugins[0]: "loyalty" requires "customers", which is not '
        "enabled here; add it to the list",
    ]


def test_settings_are_judged_by_the_plugins_own_struct(write: Write) -> None:
    text = (
        "[tenants.acme.settings.loyalty]\npoint_per_unit = 2\npoints_per_unit = 0\n"
        "expiry_months = 'x'\n[tenants.acme.settings.customers]\nany = 1\n"
    )
    assert against(load(write(BASE + text), environ={})) == [
        "crm.toml:9: tenants.acme.settings.loyalty.point_per_unit: unknown key "
        '"point_per_unit"; allowed: expiry_months, points_per_unit; '
        'did you mean "points_per_unit"?',
        "crm.toml:10: tenants.acme.settings.loyalty.points_per_unit: expected int >= 1 (here 0)",
        "crm.toml:11: tenants.acme.settings.loyalty.expiry_months: expected int | null, got str "
        '(here "x")',
        'crm.toml:12: tenants.acme.settings.customers: the plugin "customers" has no settings',
    ]


def test_grants_name_only_what_exists(write: Write) -> None:  # access.md: own roles
    text = """[tenants.acme.roles.clerk]
label = "Clerk"
like = "staf"
grants = [
  "customers.custmer:list:all", "customers.customer:list,veiw:all", "customers.customer:list:owm",
]
"""
    assert against(load(write(BASE + text), environ={})) == [
        'crm.toml:10: tenants.acme.roles.clerk.like: unknown role "staf"; '
        'allowed: clerk, staff; did you mean "staff"?',
        'crm.toml:11: tenants.acme.roles.clerk.grants[0]: unknown entity "customers.custmer"; '
        'allowed: customers.customer; did you mean "customers.customer"?',
        "crm.toml:11: tenants.acme.roles.clerk.grants[1]: unknown action of customers.customer "
        '"veiw"; allowed: list, view; did you mean "view"?',
        'crm.toml:11: tenants.acme.roles.clerk.grants[2]: unknown scope "owm"; '
        'allowed: all, own; did you mean "own"?',
    ]


# -- environment and secrets -------------------------------------------------

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


def test_relative_home_is_taken_from_the_current_folder(write: Write) -> None:
    assert load(write(BASE), environ={}).home == Path.cwd() / "var"

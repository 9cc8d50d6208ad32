"""The operator's configuration: ``crm.toml``, ``tenants.d`` and the environment."""

from core.config.against import check_against
from core.config.file import ConfigFile
from core.config.problems import ConfigError, Problem
from core.config.reading import config_path, from_environment, load
from core.config.secrets import generated_key, secret_key
from core.config.structs import (
    ChoiceConfig,
    Config,
    DatabaseConfig,
    PluginsConfig,
    RoleConfig,
    ServerConfig,
    TenantConfig,
    masked,
)

__all__ = [
    "ChoiceConfig",
    "Config",
    "ConfigError",
    "ConfigFile",
    "DatabaseConfig",
    "PluginsConfig",
    "Problem",
    "RoleConfig",
    "ServerConfig",
    "TenantConfig",
    "check_against",
    "config_path",
    "from_environment",
    "generated_key",
    "load",
    "masked",
    "secret_key",
]

"""The one-time right to set a password, in the words in which an operator hands it on."""

from core.config import Config, TenantConfig

MINUTES = 15


def base_url(config: Config, tenant: TenantConfig, port: int | None = None) -> str:
    """Return the address under which people reach a tenant."""
    if config.server.base_url:
        return config.server.base_url.rstrip("/")
    host = tenant.hosts[0] if tenant.hosts else config.server.host
    return f"http://{host}:{port or config.server.port}"


def one_time(config: Config, tenant: TenantConfig, email: str, token: str) -> str:
    """Return what to send to a person: the page on which the token is spent."""
    link = f"{base_url(config, tenant)}/app/reset/?token={token}"
    return f"{email} may set a password once within {MINUTES} minutes:\n\n  {link}\n"

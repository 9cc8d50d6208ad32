"""The URLs of a PostgreSQL database."""


def driver_url(url: str) -> str:
    """Return a plain postgresql URL in the form that SQLAlchemy needs for asyncpg."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]

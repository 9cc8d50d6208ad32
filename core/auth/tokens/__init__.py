"""Access tokens, opaque tokens and API keys."""

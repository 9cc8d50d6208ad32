"""The session of a browser: cookies, proof of origin, messages for the next page."""

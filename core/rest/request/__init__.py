"""Reading a request: its context and origin, its body, query string and headers."""

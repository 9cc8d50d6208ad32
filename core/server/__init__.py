"""The server: application, workers, middleware, health and logging."""

"""REST: generated routes of entities, the kernel's own routes, and their OpenAPI document."""

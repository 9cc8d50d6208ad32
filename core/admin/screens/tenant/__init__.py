"""What belongs to the tenant: apps, people, roles, settings, branding."""

"""How pages look: themes, branding, static files and the template environment."""

"""The page after signing in."""

from core.admin.screens.dashboard.dashboard_screen import show_home

__all__ = ["show_home"]

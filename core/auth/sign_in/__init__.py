"""Signing in, staying signed in, and changing credentials."""

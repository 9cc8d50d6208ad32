"""Addresses on the map and by the rules of their countries, offline."""

"""What a plugin shows in the web pages: tabs, cards, screens, and the page they are read for.

A ``Page`` has the reader's ``ctx``, the ``request``, the ``form`` that was sent, ``translate`` for
texts and ``formats`` for numbers, amounts and months in the reader's language.
"""

from core.admin.page import Page
from core.registry.registry import Card, Chart, Screen, Tab

__all__ = ["Card", "Chart", "Page", "Screen", "Tab"]

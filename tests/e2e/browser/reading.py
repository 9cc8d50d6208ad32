"""What the markup of a page says, read as a browser reads it."""

import re
from html.parser import HTMLParser

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post")


class Markup(HTMLParser):
    """The elements and attributes of a page, its addresses and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.addresses: set[str] = set()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add((tag, name))
            if value and name in ADDRESSES:
                self.addresses.add(value)
            if value and (tag, name) == ("a", "href"):
                self.links.append(value)

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if data.strip():
            self.texts.append(data.strip())


def shape(text: str) -> str:
    """Return a page without what differs from record to record and from request to request."""
    text = re.sub(r'(name="(?:_csrf|csrf|_key)" (?:value|content))="[^"]*"', r"\1", text)
    text = re.sub(r"/app/[^\s\"'<]*", "/app/…", UUID.sub("ID", text))
    return re.sub(r"\d+", "0", text)


def content(text: str) -> str:
    """Return what stands inside the frame around all screens; the whole where there is none."""
    return text.partition("<main")[2].partition("</main>")[0] or text

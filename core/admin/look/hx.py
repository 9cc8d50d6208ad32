"""htmx attributes, checked: nothing that evaluates code, nothing that leaves the application."""

import re
from functools import lru_cache

from markupsafe import Markup

VERBS = ("get", "post", "put", "patch", "delete")
OTHERS = (
    "target", "swap", "trigger", "push_url", "replace_url", "select", "select_oob", "include",
    "confirm", "indicator", "sync", "disable", "preserve", "status_422", "vals",
)  # fmt: skip
SELECTOR = re.compile(r"[\w\s#.,:>\[\]=\"'()*~+-]*")


def _check(name: str, value: str) -> None:
    if name in VERBS and not re.fullmatch(r"/(?!/)[^\s\\]*|\?[^\s\\]*", value):
        raise ValueError(f"hx {name}={value!r} must be a path of this application")
    if "js:" in value.lower() or "javascript:" in value.lower():
        raise ValueError(f"hx {name}={value!r} would evaluate code")
    if name == "trigger" and "[" in value:
        raise ValueError(f"hx trigger={value!r}: a filter in [] would evaluate code")


@lru_cache(maxsize=2048)
def hx(**attributes: str | None) -> Markup:
    """Return htmx attributes: ``hx(get="/app/x/", target="#list", push_url="true")``.

    ``None`` leaves an attribute out; ``status_422="select:#form"`` is ``hx-status:422``.
    """
    parts = []
    for name, value in attributes.items():
        if name not in VERBS and name not in OTHERS:
            raise ValueError(f"hx knows no attribute {name!r}")
        if value is None:
            continue
        _check(name, value)
        spelled = name.replace("status_", "status:").replace("_", "-")
        parts.append(Markup(' hx-{}="{}"').format(spelled, value))
    return Markup("").join(parts)

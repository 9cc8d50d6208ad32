"""The headers of pages: what a browser may load, run and send, and what nobody may keep."""

# No inline script or style and no eval anywhere, so that text which slips through stays text.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE = {"content-security-policy": POLICY, "cache-control": "no-store"}
# What is left in the browser when somebody signs out: pages and what scripts kept. Not "cookies":
# that would sign out the neighbours at the same domain too.
SIGN_OUT = {"clear-site-data": '"cache", "storage"'}
# An answer to htmx that is a message, whatever part of the page it asked for.
TOAST = {"HX-Retarget": "#toaster", "HX-Reswap": "beforeend", "HX-Reselect": ".toast"}


def retarget(target: str) -> dict[str, str]:
    """Return the headers of an answer to htmx that fills another part than it asked for."""
    return {"HX-Retarget": target, "HX-Reswap": "innerHTML"}

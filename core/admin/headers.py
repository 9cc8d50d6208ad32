"""The headers of pages: what a browser may load, run and send, and that nothing is cached."""

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
# Signing out clears cached pages and what scripts stored. Not "cookies": that would sign people
# out of other applications at the same domain.
SIGN_OUT = {"clear-site-data": '"cache", "storage"'}
# An answer to htmx that is a message, whatever part of the page it asked for.
TOAST = {"HX-Retarget": "#toaster", "HX-Reswap": "beforeend", "HX-Reselect": ".toast"}


def retarget(target: str) -> dict[str, str]:
    """Return the headers of an answer to htmx that fills another part than it asked for."""
    return {"HX-Retarget": target, "HX-Reswap": "innerHTML"}

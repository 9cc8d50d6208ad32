"""Which path leads where: the answers that the product gave before it had a table of routes.

They were recorded when Litestar looked up the paths. Two things differ since, and the record says
so: OPTIONS names every method of a path, as a 405 does, and not those of its first handler alone;
and ``/api`` by itself is a word like any other to the short cut ``/{resource}``, so that what is
not GET answers 405 there, where it answered 404.
"""

import json
from pathlib import Path

from core.testing.kit import MakeWorld
from core.testing.world import CONFIG
from tests.core.routing_cases import answer, cases

RECORD = Path(__file__).parent / "routing_answers.jsonl"
CORS = 'cors = ["https://front.example"]'


async def test_paths_answer_as_recorded(make_world: MakeWorld) -> None:
    config = CONFIG.replace("[server.aliases]", f"[server]\n{CORS}\n\n[server.aliases]")
    world = await make_world(config=config)
    recorded = dict(json.loads(line) for line in RECORD.read_text().splitlines())
    found = {" ".join(case): await answer(world.client, *case) for case in cases()}
    wrong = {case: (recorded[case], now) for case, now in found.items() if recorded[case] != now}
    assert not wrong
    assert set(recorded) == set(found)

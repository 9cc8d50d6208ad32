"""Every page by every principal and kind of record: no token, name or label of what is hidden."""

import pytest

from core.testing.probes import names
from core.testing.probes.page_probe import surf
from core.testing.probes.people import ANONYMOUS, GONE, KEY
from tests.contract.conftest import MakeProber
from tests.contract.subjects import REGISTRY

pytestmark = pytest.mark.probe
PEOPLE = [n for n in names(REGISTRY) if n not in (ANONYMOUS, KEY, GONE)]


@pytest.mark.parametrize("name", PEOPLE)
async def test_pages_show_nobody_what_is_not_his(name: str, make_prober: MakeProber) -> None:
    """E4, E5, E8: records of others, and fields that are hidden from the role."""
    prober = await make_prober(name)
    await surf(prober)
    assert not prober.findings, "\n".join(dict.fromkeys(prober.findings))

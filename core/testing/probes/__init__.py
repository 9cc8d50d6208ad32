"""Probes: every route asked as every principal for what they must neither see nor change.

``Stage`` seeds two tenants with two sides each, ``Oracle`` says from the declarations alone who may
see what, ``Prober`` asks and compares. Nothing here knows a plugin: a new one is probed at once.
"""

from core.testing.probes.attacks import everything
from core.testing.probes.dataset import Row, Stage, Who, open_stage
from core.testing.probes.expected_access import Oracle
from core.testing.probes.people import names, person
from core.testing.probes.prober import Prober

__all__ = [
    "Oracle",
    "Prober",
    "Row",
    "Stage",
    "Who",
    "everything",
    "names",
    "open_stage",
    "person",
]

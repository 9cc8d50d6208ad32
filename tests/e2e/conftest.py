"""The demo as a stranger meets it: started by one command, reached over HTTP."""

from collections.abc import Iterator

import pytest

from core.postgres import embedded
from tests.core.commands import Project, Served


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A small demo that is being served: 40 customers in acme."""
    project = Project(tmp_path_factory.mktemp("demo"), ("customers", "loyalty"))
    with project.serving("--scale", "0.02", command=("up",)) as served:
        yield served
    embedded.drop(project.home)

"""How a worker tells the process that started it that it serves, or why it does not."""

import os
from pathlib import Path

# The folder of the reports, in the environment of a worker that has a parent to tell.
REPORTS = "CRM_START_REPORTS"


def report(kind: str, text: str = "") -> bool:
    """Leave a report of this process, whole at once; False when nobody reads it."""
    folder = os.environ.get(REPORTS)
    if not folder or not Path(folder).is_dir():
        return False
    draft = Path(folder, f".{os.getpid()}")
    draft.write_text(text)
    draft.rename(Path(folder, f"{kind}-{os.getpid()}"))
    return True


def reports(folder: Path, kind: str) -> list[str]:
    """Return the texts of the reports of one kind."""
    return [path.read_text() for path in sorted(folder.glob(f"{kind}-*"))]

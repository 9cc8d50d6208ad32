"""``python -m core.cli`` is ``crm``."""

from core.cli import main

if __name__ == "__main__":
    main()

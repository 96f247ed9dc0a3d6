"""``python -m cli`` is ``tendril``, where the command itself is not installed."""

from cli.main import main

main()

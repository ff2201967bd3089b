"""``python -m collab``."""

from collab.commands.main import main

main()

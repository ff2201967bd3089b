"""``collab docs``: script the documents of a running server. ``group.py`` says what all commands have in common."""

from collab.commands.docs import changing, exporting, importing, looking, versions
from collab.commands.docs.group import docs as docs

#: the modules that have put their commands below ``docs``
_ALL = (looking, exporting, importing, changing, versions)

"""``collab docs``: script the documents of a running server. ``group.py`` says what all commands have in common."""

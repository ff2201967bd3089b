"""Doors: what arrives by any wire becomes a session of a document. A new protocol is a new door, nothing else."""

"""What other servers keep documents in: each kind of store is a file here, and a row in ``kinds.py``."""

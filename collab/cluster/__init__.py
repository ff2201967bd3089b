"""How the processes of a cluster hear of each other: a port, and an adapter for Redis."""

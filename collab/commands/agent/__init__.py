"""``collab mcp``: what an agent can do with the documents of a server, as a participant among others."""

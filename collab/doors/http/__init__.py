"""The HTTP door: the API, event streams, health, pages."""

"""Seeded traffic on every door for hours, with everything that goes wrong, and what is left once all have gone."""

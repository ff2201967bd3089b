"""Telling other systems what happened, over HTTP."""

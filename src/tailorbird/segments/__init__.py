"""Segments: who is in, and since when, kept right by every event and by the passing of time."""

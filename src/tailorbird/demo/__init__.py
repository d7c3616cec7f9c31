"""The demonstration: a real shop's year, replayed."""

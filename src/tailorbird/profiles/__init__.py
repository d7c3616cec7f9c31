"""Traits and features of one person."""

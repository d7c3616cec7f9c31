"""Tailorbird: real-time personalization from one durable log."""

__version__ = "0.1.0"

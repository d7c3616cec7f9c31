"""Decisions: what a person is shown in a placement, why, and with which probability."""

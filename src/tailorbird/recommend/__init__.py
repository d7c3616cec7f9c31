"""Retrievers, their blend, training, evaluation, and what a worker serves from."""

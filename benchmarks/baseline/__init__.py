"""The naive peer: FastAPI and one SQLite file, doing the same work as a good engineer would have it done in a week.

Nothing here is slow on purpose. Validation is pydantic's, a request is one transaction, WAL with ``synchronous=FULL``
makes the acknowledgement as durable as Tailorbird's, each worker keeps one connection and its prepared statements, and
the profile is one JSON document, read, changed and written back.
"""

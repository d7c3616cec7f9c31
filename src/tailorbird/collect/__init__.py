"""The doors that events come in by: each translates its wire format into ``events.model.Event`` and nothing more."""

"""The heart: one durable log, and the fold that turns it into state."""

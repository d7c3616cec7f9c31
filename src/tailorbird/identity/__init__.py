"""Who it is: which profile an event belongs to, and when two are one person."""

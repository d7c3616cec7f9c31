"""Features: numbers, times and lists that are kept right for every person, from a line of YAML each.

``definition`` says what a user may write; ``extract`` takes values out of events; ``accumulate`` keeps features over all time or
a session; ``series`` keeps sliding windows exact.
"""

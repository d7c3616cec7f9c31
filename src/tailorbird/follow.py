"""A worker's recommender follows the state's feeds: what others have just done counts in the next decision."""

from tailorbird.catalog import table as catalog_table
from tailorbird.engine import feed
from tailorbird.engine.state import StateTxn
from tailorbird.recommend.serving import Recommender
from tailorbird.spine import INTERACTIONS, decode_interaction

STEP = 64
"""Rows taken before a decision: under a millisecond, the longest that other people's doings may hold it up."""
LAG = 100_000
"""Rows a recommender may be behind before it skips: under a load that leaves no time to learn from everyone, it learns from
the latest."""


class Follower:
    """Keeps one recommender abreast of the state."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender
        self._items, self._interactions = 0, recommender.feed_offset

    def catch_up(self, txn: StateTxn, limit: int = STEP) -> bool:
        """Take in at most ``limit`` rows of each feed; whether nothing is left."""
        items = feed.read(txn, catalog_table.FEED, self._items, limit)
        if items:
            self.recommender.upsert_items(catalog_table.decode(value) for _, value in items)
            self._items = items[-1][0]
        self._interactions = max(self._interactions, feed.last(txn, INTERACTIONS) - LAG)
        rows = feed.read(txn, INTERACTIONS, self._interactions, limit)
        if rows:
            self.recommender.observe(decode_interaction(value) for _, value in rows)
            self._interactions = rows[-1][0]
        return len(items) < limit and len(rows) < limit

"""The one place where the parts are wired to one another: an installation, opened by one process."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog

from tailorbird.catalog import table as catalog_table
from tailorbird.catalog.items import Item
from tailorbird.collect.keys import KeyRing
from tailorbird.collect.segment import Intake, Limits, SegmentDoor
from tailorbird.config import Settings, data_path
from tailorbird.consent.gate import SILENT, Answers, allows, effective
from tailorbird.consent.purposes import PERSONALIZATION
from tailorbird.decide import decision as decisions
from tailorbird.decide.decider import Decider, DecideRequest, Who, read_person
from tailorbird.decide.decision import Decision
from tailorbird.definitions import Definitions, load_definitions
from tailorbird.engine import checkpoint, feed, rebuild
from tailorbird.engine.archive import LocalArchive
from tailorbird.engine.clock import Clock, SystemClock
from tailorbird.engine.committer import Committer
from tailorbird.engine.fold import View, catch_up
from tailorbird.engine.lmdb_log import LmdbLog
from tailorbird.engine.log import NewRecord, RecordKind
from tailorbird.engine.state import Generation, State, StateTxn
from tailorbird.errors import DefinitionError, Overloaded, TailorbirdError
from tailorbird.events import quarantine
from tailorbird.events.ecommerce import Interaction
from tailorbird.events.model import EventType
from tailorbird.follow import STEP, Follower
from tailorbird.ids import ProfileKey, anonymous_key, user_key
from tailorbird.profiles.store import TABLE as PROFILES
from tailorbird.profiles.store import LmdbProfiles
from tailorbird.profiles.view import ProfileView, view
from tailorbird.recommend.serving import Recommender
from tailorbird.spine import CHANGES, CONSENTS, INTERACTIONS, Change, Spine, decode_change, decode_interaction

_GIB = 1 << 30
log = structlog.get_logger("tailorbird")


class Tailorbird:
    """An installation: its log, its state, its definitions and its recommender. Not to be shared between threads."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings, self.clock = settings, clock or SystemClock()
        self.data = data_path(settings)
        map_size = settings.map_size_gb * _GIB
        self.log = LmdbLog(self.data / "log", map_size)
        self.archive = LocalArchive(self.data / "archive")
        self.state = State(self.data / "state", Spine.tables, map_size)
        self.keys = KeyRing(self.data / "keys.json")
        self.door = SegmentDoor(self.keys, Limits(settings.max_event, settings.max_batch))
        self.committer = Committer(
            self.log, self.state, self.current, self.clock,
            group_size=settings.group_size, queue_size=settings.queue_size,
        )  # fmt: skip
        self._definitions: Definitions | None = None
        self._decider: Decider | None = None
        self._follower: Follower | None = None

    # Definitions and generations

    def source_path(self) -> Path:
        """Where the user's definitions file is; it need not be there."""
        return Path(self.settings.definitions) if self.settings.definitions else self.data / "definitions.yaml"

    def read_source(self) -> Definitions:
        """Compile the user's definitions file. Raises ``DefinitionError`` with the line."""
        path = self.source_path()
        try:
            text = path.read_text("utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise DefinitionError(f"the file cannot be read: {error}", where=path.name) from error
        return load_definitions(text, self.settings, where=path.name)

    def prepare(self, progress: rebuild.Progress | None = None) -> str:
        """Bring state to the definitions file: replay into a new generation if it has changed, and put it in force.

        With a bad file the last good generation stays, and the error is raised after it has been made ready, so that a caller
        may go on with it. Returns the version in force.
        """
        current = self.state.current_name()
        if current is not None:
            outcome = checkpoint.make_sound(self.state.directory, current)
            if outcome in ("restored", "discarded"):
                log.warning("state_after_unclean_boot", outcome=outcome)
        wanted = self.read_source()
        if current is None or wanted.version != version_of(current):
            self.build(wanted, progress)
        else:
            generation = self.state.create(current)
            try:
                self.state.lock()
                rebuild.replay(self.log, self.archive, generation, wanted.spine, progress)
            finally:
                self.state.unlock()
                generation.close()
        return wanted.version

    def build(self, definitions: Definitions, progress: rebuild.Progress | None = None) -> None:
        """Fold the whole log by ``definitions`` into a generation of its own, while the old one serves, then switch."""
        before, name = self.state.current_name(), self._fresh_name(definitions.version)
        directory = self.state.directory / name
        checkpoint.make_sound(self.state.directory, name)
        (directory / "definitions.yaml").write_text(definitions.text)
        generation = self.state.create(name)
        try:
            rebuild.replay(self.log, self.archive, generation, definitions.spine, progress)
            self.state.switch(name)
        finally:
            generation.close()
        for old in self.state.directory.iterdir():
            # The one before stays until the next build: other workers may be in the middle of a read.
            if old.is_dir() and old.name not in (name, before):
                shutil.rmtree(old, ignore_errors=True)

    def _fresh_name(self, version: str) -> str:
        """A name for a new generation: the version, numbered when one of that name is in force. Leftovers of a build that was cut
        short are cleared away."""
        taken = self.state.current_name()
        number = int(taken.partition("-")[2] or 1) if taken is not None and version_of(taken) == version else 0
        name = f"{version}-{number + 1}" if number else version
        shutil.rmtree(self.state.directory / name, ignore_errors=True)
        return name

    def verify(self, progress: rebuild.Progress | None = None) -> rebuild.Difference | int:
        """Rebuild from the log beside the state in force and compare: the first difference, or the offset where both stand."""
        live, live_view = self.current()
        directory = self.state.directory / "verify"
        shutil.rmtree(directory, ignore_errors=True)
        fresh = self.state.create("verify")
        try:
            rebuild.replay(self.log, self.archive, fresh, live_view, progress)
            self.state.lock()
            try:
                catch_up(self.log, live, live_view)
                applied = rebuild.replay(self.log, self.archive, fresh, live_view)
                return rebuild.compare(live, fresh) or applied
            finally:
                self.state.unlock()
        finally:
            fresh.close()
            shutil.rmtree(directory, ignore_errors=True)

    def current(self) -> tuple[Generation, View]:
        """The generation in force and the view that folds it; no transaction may be open."""
        if self.state.stale() or self._definitions is None:
            self._take_up()
        return self.state.generation(), self.definitions.spine

    @property
    def definitions(self) -> Definitions:
        """The definitions in force: those that the state in force was made by, not the file as somebody may be editing it."""
        if self._definitions is None:
            self._take_up()
        assert self._definitions is not None
        return self._definitions

    def in_force(self) -> Definitions:
        """The definitions in force at this instant, for who wants to tell them; no transaction may be open."""
        with self.read():
            return self.definitions

    def _take_up(self) -> None:
        generation = self.state.refresh()
        text = (generation.directory / "definitions.yaml").read_text()
        definitions = load_definitions(text, self.settings)
        self._definitions = definitions
        self._decider = Decider(definitions.version, definitions.plan, definitions.membership, definitions.placements)
        self._follower = Follower(Recommender(self.data / "models", resume=True))

    # Reading

    @contextlib.contextmanager
    def read(self) -> Iterator[StateTxn]:
        """A snapshot of everything acknowledged so far, by any worker."""
        if self.state.stale():
            self.fold_up()
        with self.state.generation().read() as txn:
            yield txn

    def fold_up(self) -> None:
        """Fold what the state in force has not seen."""
        generation, view = self.current()
        self.state.lock()
        try:
            catch_up(self.log, generation, view)
        finally:
            self.state.unlock()

    @property
    def recommender(self) -> Recommender:
        """This worker's recommender, as far as it has followed."""
        assert self._follower is not None, "start() comes first"
        return self._follower.recommender

    def item(self, item_id: str) -> Item | None:
        """An item of the catalog."""
        return self.recommender.item(item_id)

    def follow(self, txn: StateTxn, limit: int = STEP) -> bool:
        """Let the recommender take in at most ``limit`` new rows; whether nothing is left."""
        assert self._follower is not None, "start() comes first"
        return self._follower.catch_up(txn, limit)

    # Writing

    def receive(
        self, body: bytes, kind: EventType | None, key: str | None, gpc: Answers = SILENT
    ) -> tuple[Intake, list[NewRecord]]:
        """Read a request of Segment's API into records, not yet submitted. Raises as ``SegmentDoor.receive``."""
        with self.read() as txn:
            table, get = txn.tables[CONSENTS], txn.lmdb.get
            nobody = txn.lmdb.stat(table)["entries"] == 0

            def stored(user: str | None, anonymous: str | None) -> Answers:
                if nobody:
                    return SILENT
                found = [
                    Answers(value[0], value[1])
                    for key in (anonymous and anonymous_key(anonymous), user and user_key(user))
                    if key and (value := get(key, db=table)) is not None
                ]
                return effective(0, *found) if found else SILENT

            def known(user: str | None, anonymous: str | None) -> bool:
                keys = (anonymous and anonymous_key(anonymous), user and user_key(user))
                return any(key and txn.get(PROFILES, key) is not None for key in keys)

            intake = self.door.receive(body, kind, key, self.clock.now(), gpc, stored, known)
        prepare = self.definitions.spine.prepare
        records = [NewRecord(RecordKind.EVENT, payload, prepare(event)) for event, payload in intake.events]
        records += [NewRecord(RecordKind.QUARANTINED, quarantine.encode(entry), entry) for entry in intake.quarantined]
        return intake, records

    async def collect(self, body: bytes, kind: EventType | None, key: str | None, gpc: Answers = SILENT) -> Intake:
        """Take in a request: on return its events are durable, folded and visible."""
        intake, records = self.receive(body, kind, key, gpc)
        if records:
            await self.committer.submit(records)
        return intake

    async def put_items(self, items: Sequence[Item]) -> None:
        """Add items to the catalog, or change them; visible on return."""
        if items:
            await self.committer.submit(
                [NewRecord(RecordKind.ITEM, catalog_table.encode(item), item) for item in items]
            )

    def decide(self, request: DecideRequest, *, keep: bool = True) -> Decision:
        """Decide, and log the decision without waiting for the disk (docs/decisions/0003).

        Without ``keep`` it leaves no trace, and nobody can ask later why: for pages of people who have not consented.
        """
        with self.read() as txn:
            self.follow(txn)
            decider, recommender = self._decider, self.recommender
            assert decider is not None
            decision = decider.decide(txn, recommender, request, self.clock.now())
        if keep:
            record = NewRecord(RecordKind.DECISION, decisions.encode(decision), decision)
            try:
                self.committer.submit([record], linger=True).add_done_callback(_note_failure)
            except Overloaded as error:
                log.warning("decision_not_logged", reason=str(error))
        return decision

    def find_decision(self, decision_id: str) -> tuple[Decision, list[decisions.Reward]] | None:
        """A logged decision and what came of it."""
        with self.read() as txn:
            offset = decisions.offset_of(txn, decision_id)
            rewards = decisions.rewards_of(txn, decision_id)
        if offset is None:
            return None
        record = self.log.get(offset) or next(self.archive.scan(offset - 1), None)
        return None if record is None else (decisions.decode(record.payload), rewards)

    async def await_decision(self, decision_id: str) -> tuple[Decision, list[decisions.Reward]] | None:
        """Like ``find_decision``, but gives a decision that has only just been made the time to be logged."""
        for _ in range(20):
            found = self.find_decision(decision_id)
            if found is not None or not decision_id:
                return found
            await asyncio.sleep(0.01)
        return None

    def find_profile(self, who: Who, purpose: int) -> ProfileView | None:
        """The person as may be read for ``purpose`` (a mask), exact at this instant."""
        now = self.clock.now()
        with self.read() as txn:
            key, profile = read_person(txn, who)
        if key is None or profile is None:
            return None
        definitions = self.definitions
        segments = definitions.membership.segments
        return view(
            key, profile, definitions.plan, [each.name for each in segments], [each.purposes for each in segments],
            definitions.membership.exact(profile, now), purpose, now,
        )  # fmt: skip

    def interactions(self) -> tuple[Iterator[Interaction], int]:
        """What people who allow personalization *now* have done with items, in order, and the feed's last number."""
        with self.read() as txn:
            last = feed.last(txn, INTERACTIONS)

        def rows() -> Iterator[Interaction]:
            after, willing = 0, dict[bytes, bool]()
            while after < last:
                with self.read() as txn:
                    rows = feed.read(txn, INTERACTIONS, after, 10_000)
                    batch = [decode_interaction(value) for _, value in rows]
                    store = LmdbProfiles(txn)
                    for person in {each.person for each in batch} - willing.keys():
                        found = store.find(ProfileKey(person))
                        willing[person] = found is not None and allows(found[1].purposes, PERSONALIZATION)
                yield from (each for each in batch if willing[each.person])
                after = rows[-1][0]

        return rows(), last

    def items(self) -> list[Item]:
        """The whole catalog, by id."""
        with self.read() as txn, txn.lmdb.cursor(db=txn.tables[catalog_table.TABLE]) as cursor:
            return [catalog_table.decode(value) for _, value in cursor]

    def segment_moves(self, after: int, limit: int) -> list[tuple[int, Change]]:
        """Who entered and left which segment, in order: (number to go on from, change)."""
        with self.read() as txn:
            return [(number, decode_change(value)) for number, value in feed.read(txn, CHANGES, after, limit)]

    def quarantined(self, before: int | None, limit: int) -> list[tuple[int, quarantine.Quarantined]]:
        """The newest quarantined events first."""
        with self.read() as txn:
            return quarantine.listed(txn, before=before, limit=limit)

    # Running

    async def start(self) -> None:
        """Begin to serve in this process; state must have been prepared."""
        self.fold_up()
        self.committer.start()

    async def stop(self) -> None:
        """Commit what waits and stop."""
        await self.committer.stop()

    def close(self, *, clean: bool = False) -> None:
        """Let go of everything; ``clean`` syncs the state and says so, and only the last process may."""
        if clean and self.state.current_name() is not None:
            checkpoint.mark_clean(self.state.generation())
        self.state.close()
        self.log.close()


def version_of(generation: str) -> str:
    """The definitions' version that a generation's name begins with."""
    return generation.partition("-")[0]


def _note_failure(future: "asyncio.Future[int]") -> None:
    if not future.cancelled() and (error := future.exception()) is not None and isinstance(error, TailorbirdError):
        log.warning("decision_not_logged", reason=str(error))

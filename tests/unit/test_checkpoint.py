"""After the machine itself went down the state may be anything: a copy is taken up, or all is folded anew; either way it is equal."""

import json
from pathlib import Path

import msgspec
import pytest

from fold import HOUR, NO_ARCHIVE, START, MemoryLog, event, new, spine
from tailorbird.engine import checkpoint, rebuild
from tailorbird.engine.fold import catch_up
from tailorbird.engine.state import Generation
from tailorbird.errors import Unavailable
from tailorbird.spine import Spine

SPINE = spine(json.dumps({"features": {"n": {"count": "*", "window": "1d"}}, "segments": {"often": "n > 3"}}))
NAME = "abc"


class Installation:
    """A state folder, with a log beside it that survives everything."""

    def __init__(self, folder: Path) -> None:
        self.states, self.log = folder / "state", MemoryLog()
        self.add(30)

    @property
    def folder(self) -> Path:
        return self.states / NAME

    def add(self, count: int) -> None:
        """An event an hour."""
        start = self.log.last_offset()
        for hour in range(start, start + count):
            self.log.append([new(event(anonymous=f"v{hour % 3}", at=START + hour * HOUR))], START + hour * HOUR)

    def open(self) -> tuple[str, Generation]:
        """Start as the program does."""
        outcome = checkpoint.make_sound(self.states, NAME)
        return outcome, Generation(self.folder, Spine.tables, 1 << 26)

    def crash(self, *, corrupt: bool = True) -> None:
        """The machine goes down: another boot, and whatever was not synced is gone or torn."""
        marker = json.loads((self.folder / "boot").read_text())
        (self.folder / "boot").write_text(json.dumps({**marker, "boot": "another"}))
        if corrupt:
            data = self.folder / "data.mdb"
            data.write_bytes(b"\xff" * data.stat().st_size)

    def assert_equal_after_catching_up(self, state: Generation) -> None:
        assert rebuild.replay(self.log, NO_ARCHIVE, state, SPINE) == self.log.last_offset()
        fresh = Generation(self.states / "fresh", Spine.tables, 1 << 26)
        rebuild.replay(self.log, NO_ARCHIVE, fresh, SPINE)
        assert rebuild.compare(state, fresh) is None
        fresh.close()
        state.close()


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def applied(state: Generation) -> int:
    with state.read() as txn:
        return txn.applied()[0]


def test_a_new_state_begins(installation: Installation) -> None:
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("new", 0)
    installation.assert_equal_after_catching_up(state)


def test_a_killed_process_leaves_a_sound_state(installation: Installation) -> None:
    """The same boot: LMDB's pages are in the system's cache, whole."""
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=20)
    state.close()  # without a clean mark
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("sound", 20)
    installation.assert_equal_after_catching_up(state)


def test_an_orderly_stop_is_sound_in_any_boot(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=20)
    checkpoint.mark_clean(state)
    state.close()
    installation.crash(corrupt=False)
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("sound", 20)
    installation.assert_equal_after_catching_up(state)


def test_a_clean_mark_holds_for_one_start_only(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=20)
    checkpoint.mark_clean(state)
    state.close()
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=25)
    state.close()
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("discarded", 0)
    installation.assert_equal_after_catching_up(state)


def test_after_a_crash_the_copy_is_taken_up_and_the_log_folded_from_there(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=12)
    checkpoint.take(state, installation.states)
    catch_up(installation.log, state, SPINE, through=20)
    state.close()
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("restored", 12)
    installation.assert_equal_after_catching_up(state)


def test_the_newest_copy_stands_for_the_ones_before(installation: Installation) -> None:
    _, state = installation.open()
    for through in (5, 12, 18):
        catch_up(installation.log, state, SPINE, through=through)
        checkpoint.take(state, installation.states)
    state.close()
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("restored", 18)
    installation.assert_equal_after_catching_up(state)


def test_without_a_copy_all_is_folded_anew(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE)
    state.close()
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("discarded", 0)
    installation.assert_equal_after_catching_up(state)


def test_a_copy_that_cannot_be_opened_is_none(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE)
    copy = checkpoint.take(state, installation.states)
    state.close()
    (copy / "data.mdb").write_bytes(b"\xff" * 8192)
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("discarded", 0)
    installation.assert_equal_after_catching_up(state)


@pytest.mark.parametrize("content", [None, b"", b"{", b"\0" * 40, b"[]"])
def test_a_marker_that_was_lost_or_torn_counts_as_a_crash(installation: Installation, content: bytes | None) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=12)
    checkpoint.take(state, installation.states)
    catch_up(installation.log, state, SPINE)
    state.close()
    marker = installation.folder / "boot"
    marker.unlink() if content is None else marker.write_bytes(content)
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("restored", 12)
    installation.assert_equal_after_catching_up(state)


def test_a_half_made_copy_is_not_taken_up(installation: Installation) -> None:
    _, state = installation.open()
    catch_up(installation.log, state, SPINE, through=12)
    copy = checkpoint.take(state, installation.states)
    half = copy.with_name(copy.name + ".new")
    half.mkdir()
    (half / "data.mdb").write_bytes(b"half")
    state.close()
    installation.crash()
    outcome, state = installation.open()
    assert (outcome, applied(state)) == ("restored", 12)
    checkpoint.take(state, installation.states)
    assert not half.exists()
    installation.assert_equal_after_catching_up(state)


def test_no_copy_is_taken_where_it_would_fill_the_disk(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, state = installation.open()
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 100})())
    with pytest.raises(Unavailable, match="100 are free"):
        checkpoint.take(state, installation.states)
    state.close()


def test_the_marker_says_the_boot(installation: Installation) -> None:
    _, state = installation.open()
    marker = msgspec.json.decode((installation.folder / "boot").read_bytes(), type=checkpoint.Marker)
    assert marker == checkpoint.Marker(checkpoint.boot_id(), False)
    checkpoint.mark_clean(state)
    state.close()
    assert msgspec.json.decode((installation.folder / "boot").read_bytes())["clean"] is True

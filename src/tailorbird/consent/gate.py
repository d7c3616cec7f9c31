"""The one gate. Whoever reads a person's data for a purpose asks here; so does the collector before it stores anything."""

from typing import NamedTuple

from tailorbird.consent.purposes import ALL


class Answers(NamedTuple):
    """What a person has said: ``answered`` are the purposes they answered for, ``granted`` those they allowed."""

    granted: int
    answered: int


SILENT = Answers(0, 0)


def allows(granted: int, needed: int) -> bool:
    """Whether data under ``granted`` may be read for all of ``needed``. Nothing needed is always allowed."""
    return granted & needed == needed


def effective(default: int, *answers: Answers) -> Answers:
    """The purposes that hold after ``answers``, later over earlier, on top of what the source grants for those who are silent."""
    granted, answered = default, 0
    for answer in answers:
        granted = (granted & ~answer.answered) | (answer.granted & answer.answered)
        answered |= answer.answered
    return Answers(granted, answered)


def taken(held: Answers, said: Answers) -> tuple[Answers, int]:
    """What holds of a person after an event, and the purposes that the event itself may be used for.

    ``held.granted`` and ``said.granted`` also cover what sources assume of the silent; ``said.answered`` is what the event itself
    answers. An answer holds until the next one: no source's assumption overrides it, nor an event that was under way when it was
    given. And that one source assumes less than another withdraws nothing.
    """
    settled = held.answered & ~said.answered
    granted = (said.granted & ~settled) | (held.granted & settled)
    return Answers((held.granted & ~said.answered) | granted, held.answered | said.answered), granted


def joined(stays: Answers, goes: Answers) -> Answers:
    """What holds of two who turn out to be one person: the answers of the one who stays over those of the other."""
    answered = stays.answered | goes.answered
    said = (stays.granted & stays.answered) | (goes.granted & goes.answered & ~stays.answered)
    return Answers(said | ((stays.granted | goes.granted) & ~answered), answered)


def refused(answers: Answers) -> bool:
    """Whether the person has answered for every purpose and allowed none: then nothing about them is stored."""
    return answers.granted == 0 and answers.answered == ALL

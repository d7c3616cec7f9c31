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


def refused(answers: Answers) -> bool:
    """Whether the person has answered for every purpose and allowed none: then nothing about them is stored."""
    return answers.granted == 0 and answers.answered == ALL

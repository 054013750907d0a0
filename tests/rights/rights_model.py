"""The rule of visibility, written a second time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

PROJECTS = {"OMEGACAM@VST": 36, "TUTORIAL2015": 37}
#: Projects each person may see level-2 objects of; who manages what.
VISIBLE = {
    "student": {36, 37}, "other": {36, 37}, "manager": {36, 37}, "scientist": {36},
    "outsider": {36}, "anonymous": set(),
}
PEOPLE = ["student", "other", "manager", "scientist", "outsider"]


@dataclass(frozen=True)
class Row:
    """One object as the tests know it."""

    table: str
    id: uuid.UUID
    creator: str
    project: int
    level: int

    def seen_by(self, person: str) -> bool:
        """The rule of visibility, written a second time."""
        if person == "anonymous":
            return self.level >= 4
        if self.creator == person or self.level >= 3:
            return True
        return self.level == 2 and self.project in VISIBLE[person]

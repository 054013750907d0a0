"""Which, why, and is it still right: validity, freshness, quality and lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.rules.appointed import Order
    from awe.rules.comparison import Change, Comparison, compare
    from awe.rules.freshness import Reason, Reasons, is_uptodate, why_stale
    from awe.rules.graph import Affected, Tree, inverse_objects, lineage, used_by
    from awe.rules.headway import Progress, progress
    from awe.rules.prov import to_prov
    from awe.rules.quality import verdict, verify
    from awe.rules.timeline import Timeline, calibrations
    from awe.rules.validity import Candidate, Verdicts, choose, judge, why

__all__ = [
    "Affected",
    "Candidate",
    "Change",
    "Comparison",
    "Order",
    "Progress",
    "Reason",
    "Reasons",
    "Timeline",
    "Tree",
    "Verdicts",
    "calibrations",
    "choose",
    "compare",
    "inverse_objects",
    "is_uptodate",
    "judge",
    "lineage",
    "progress",
    "to_prov",
    "used_by",
    "verdict",
    "verify",
    "why",
    "why_stale",
]

face(__name__)

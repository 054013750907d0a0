"""Services of an embedded installation: database, awe-server, their start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.services.cluster import Cluster, ClusterSettings
    from awe.services.installation import Installation
    from awe.services.process import Identity
    from awe.services.running import ensure
    from awe.services.sharing import Opening
    from awe.services.stack import destroy, start, status, stop

__all__ = [
    "Cluster",
    "ClusterSettings",
    "Identity",
    "Installation",
    "Opening",
    "destroy",
    "ensure",
    "start",
    "status",
    "stop",
]

face(__name__)

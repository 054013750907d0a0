"""Questions about the sky, as queries and links ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from awe.db.query import Query
    from awe.db.sky import Region

__all__ = ["OnSky"]


class OnSky:
    """What asks about the sky: near a position, in a box."""

    def _in_region(self, region: Region) -> Query:
        raise NotImplementedError

    def near(self, ra: float, dec: float, radius: float) -> Query:
        """Return the query for those within `radius` of a position, by great circle [deg]."""
        from awe.db.sky import Cone

        return self._in_region(Cone(ra=ra, dec=dec, radius=radius))

    def box(self, ra_low: float, ra_high: float, dec_low: float, dec_high: float) -> Query:
        """Return the query for those in a box on the sky, eastwards from `ra_low` [deg]."""
        from awe.db.sky import Box

        region = Box(ra_low=ra_low, ra_high=ra_high, dec_low=dec_low, dec_high=dec_high)
        return self._in_region(region)

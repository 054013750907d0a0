"""Which, why, and is it still right: validity, freshness, quality and lineage."""

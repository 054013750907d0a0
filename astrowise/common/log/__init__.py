"""Part of `common` of Astro-WISE."""

"""Images and headers by the names of Astro-WISE's `darma`, on numpy and astropy."""

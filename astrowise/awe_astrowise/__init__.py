"""What `astro`, `common` and `darma` are made of: names of Astro-WISE on the objects of awe."""

"""The light: flat fields, fringes, illumination, the background, and the stars in a frame."""

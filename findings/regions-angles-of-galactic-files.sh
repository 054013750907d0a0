#!/usr/bin/env bash
# regions 0.12: the angle of a region in galactic coordinates is taken as one to the axes of the WCS.
#
# DS9 writes the angle of an ellipse or box with respect to the axes of the coordinates the file is in.
# The ellipse below is along 30 degrees on an image whose axes are right ascension and declination;
# DS9 8.4 saved it as `angle` in fk5 and in galactic coordinates. There the axes are turned by 2.55
# degrees (near the galactic poles and elsewhere by any angle), so the two numbers differ. to_pixel()
# moves the centre from galactic coordinates to those of the image, but leaves the angle as it is: the
# same ellipse of the same program has another angle on the image.
#
# Seen with Python 3.11, regions 0.12 and astropy 8.0.2. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q regions==0.12 astropy==8.0.2
"$folder/venv/bin/python" - <<'PYTHON'
from astropy.wcs import WCS
from regions import Regions

wcs = WCS(naxis=2)
wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
wcs.wcs.crval = 10, 60
wcs.wcs.crpix = 50, 40
wcs.wcs.cdelt = -0.2 / 3600, 0.2 / 3600
saved = {
    "fk5": 'fk5\nellipse(9.9989054,60.0000015,2.000",1.000",29.99905)',
    "galactic": 'galactic\nellipse(121.5003176,-2.8399376,2.000",1.000",32.547839)',
}
angle = {}
for name, text in saved.items():
    (region,) = Regions.parse(text, format="ds9")
    flat = region.to_pixel(wcs)
    angle[name] = flat.angle.to_value("deg")
    print(f"{name}: centre {flat.center.x + 1:.2f}, {flat.center.y + 1:.2f}, angle {angle[name]:.3f}")
    assert abs(flat.center.x + 1 - 60) < 0.02 and abs(flat.center.y + 1 - 40) < 0.02
centre = region.center
north = centre.directional_offset_by(0 * region.angle.unit, 1e-4 * region.angle.unit)
turn = centre.icrs.position_angle(north.icrs).wrap_at("180d").to_value("deg")
print(f"galactic north is {turn:.3f} degrees from north here")
assert abs(angle["fk5"] - 30) < 0.01
assert abs(angle["galactic"] - 32.548) < 0.01
assert abs(angle["galactic"] + turn - 30) < 0.01
PYTHON
echo "as described: the angle of galactic coordinates is not turned into that of the image"

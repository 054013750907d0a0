#!/usr/bin/env bash
# astropy 8.0.2 (WCSLIB): a TPV header without PV1_1 and PV2_1 maps every pixel to one point.
#
# The TPV convention in the registry of FITS conventions gives absent coefficients the value 0, but
# PV1_1 and PV2_1 the value 1, so that a header without any PV card is plain TAN. astropy.wcs.WCS
# takes 0 for these two as well as soon as an axis has none of its own: without PV cards all pixels
# of the image have the coordinates of CRVAL, and with PV1_1 alone declinations are all the same.
# Nothing warns, and is_celestial, pixel scales and CTYPE look as usual.
#
# Seen with Python 3.11 and astropy 8.0.2. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q astropy==8.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from astropy.io.fits import Header
from astropy.wcs import WCS

warnings.simplefilter("error")
PIXELS = np.array([[0.0, 0.0], [999.0, 999.0]])


def extent(kind, **terms):
    """Right ascension and declination between two corners [arcsec]."""
    cards = {"NAXIS": 2, "CTYPE1": f"RA---{kind}", "CTYPE2": f"DEC--{kind}", "CUNIT1": "deg",
             "CUNIT2": "deg", "CRVAL1": 10.0, "CRVAL2": 10.0, "CRPIX1": 500.0, "CRPIX2": 500.0,
             "CD1_1": -6e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 6e-5} | terms
    sky = WCS(Header(list(cards.items()))).all_pix2world(PIXELS, 0)
    found = np.abs(sky[1] - sky[0]) * 3600
    print(f"{kind} {terms}: {found.round(1)}")
    return found


plain = extent("TAN")
assert (plain > 200).all()
assert np.allclose(extent("TPV", PV1_1=1.0, PV2_1=1.0), plain), "both given: as TAN"
assert np.allclose(extent("TPV"), 0, atol=1e-6), "none given: one point"
one = extent("TPV", PV1_1=1.0)
assert one[0] > 200 and one[1] < 0.1, "PV1_1 alone: one declination"
PYTHON
echo "as described: absent linear terms of TPV are taken as 0"

#!/usr/bin/env bash
# ccdproc 2.5.1: cosmicray_lacosmic(gain_apply=False) keeps ADU and calls them electrons.
#
# With gain_apply=False the pixels are given back in the unit they came in, so that a frame in ADU
# stays one. The values do, but the unit of the CCDData that comes back is electron all the same.
# Whoever goes on with units has a frame that is wrong by the gain, here a factor of two, and
# gain_correct afterwards gives electron2 / adu.
#
# Seen with Python 3.11, ccdproc 2.5.1, astropy 8.0.2 and astroscrappy 1.3.0. Fails where the
# behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q ccdproc==2.5.1 astropy==8.0.2 astroscrappy==1.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import astropy.units as u
import ccdproc
import numpy as np
from astropy.nddata import CCDData

frame = CCDData(np.random.default_rng(1).normal(500, 10, (64, 64)), unit="adu")
gain, noise = 2.0 * u.electron / u.adu, 5 * u.electron
medians = {}
for apply in (True, False):
    found = ccdproc.cosmicray_lacosmic(frame, gain=gain, readnoise=noise, gain_apply=apply)
    medians[apply] = float(np.median(found.data))
    print(f"gain_apply={apply}: median {medians[apply]:.1f} {found.unit}")
    assert found.unit == u.electron
    last = found
assert ccdproc.gain_correct(last, gain).unit == u.electron**2 / u.adu
assert abs(medians[True] - 1000) < 5, "gain applied: electrons"
assert abs(medians[False] - 500) < 5, "gain not applied: still ADU"
PYTHON
echo "as described: the unit says electron where the values are ADU"

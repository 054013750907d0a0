#!/usr/bin/env bash
# astropy 8.0.2: true values of a masked integer column come back masked from a FITS table.
#
# Where an integer column has a mask, Table.write(format="fits") marks masked rows by a null value,
# TNULL, which is the same for every table: 999999 for 32 and 64 bits, 16959 for 16, 63 for
# unsigned bytes. It does not look whether the column holds that value. A valid row with it is masked when the file is
# read again, by astropy and by any other reader of TNULL; nothing warns when it is written.
# Counts in ADU, identifiers and pixel positions reach 16959 and 63 easily.
#
# Seen with Python 3.11 and astropy 8.0.2. Fails where the behaviour is another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q astropy==8.0.2
"$folder/venv/bin/python" - <<'PYTHON'
import io
import warnings

import numpy as np
from astropy.io import fits
from astropy.table import MaskedColumn, Table

warnings.simplefilter("error")
for kind, value in (("int64", 999999), ("int32", 999999), ("int16", 16959), ("uint8", 63)):
    column = MaskedColumn(np.array([value, 5, 7], kind), mask=[False, False, True])
    file = io.BytesIO()
    Table({"n": column}).write(file, format="fits")
    file.seek(0)
    null = fits.open(file)[1].header["TNULL1"]
    file.seek(0)
    back = Table.read(file, format="fits")["n"]
    print(f"{kind}: written {column.tolist()}, TNULL {null}, read {back.tolist()}")
    assert column.tolist() == [value, 5, None]
    assert null == value
    assert back.tolist() == [None, 5, None]
PYTHON
echo "as described: a value equal to the fixed null is lost"

#!/usr/bin/env bash
# astropy 8.0.2, pandas 3.1.1: masked values of a table in Parquet count as values elsewhere.
#
# Table.write(format="parquet") of a masked column writes no nulls: the numbers under the mask stand
# in the column as they are, and a second column, "n.mask", tells which are masked. astropy puts the
# two together again. Other readers of Parquet, where a missing value is a null, see a full column:
# pandas averages the hidden numbers in, and pyarrow counts no null. So a mean of magnitudes taken
# in pandas is wrong without a word, and what a mask was to hide is in the file in clear.
#
# Seen with Python 3.11, astropy 8.0.2, pandas 3.1.1, pyarrow 26.0.1. Fails where the behaviour is
# another one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q astropy==8.0.2 pandas==3.1.1 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder/table.parquet" <<'PYTHON'
import sys

import pandas
import pyarrow.parquet
from astropy.table import MaskedColumn, Table

path = sys.argv[1]
table = Table({"mag": MaskedColumn([18.0, 20.0, 99.0], mask=[False, False, True])})
table.write(path, format="parquet")
seen = pandas.read_parquet(path)
nulls = pyarrow.parquet.read_table(path).column("mag").null_count
print(seen)
print(f"mean: astropy {table['mag'].mean()}, pandas {seen['mag'].mean():.2f}; nulls {nulls}")
assert table["mag"].mean() == 19.0
assert seen["mag"].tolist() == [18.0, 20.0, 99.0] and nulls == 0
assert seen["mag.mask"].tolist() == [False, False, True]
assert Table.read(path)["mag"].tolist() == [18.0, 20.0, None]
PYTHON
echo "as described: masked values are plain values for pandas and pyarrow"

"""Cameras in text files: what is read from headers, and how each mistake is told in one line."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from awe import instruments
from awe.errors import BadHeader, ConfigError, NotFound
from awe.fits import values
from awe.fits.blocks import card, header
from awe.ingest.records import CLASSES
from awe.instruments import _finding
from awe.instruments._described import described
from awe.model.parameters import DomeFlatFrameParameters, ProcessParameters

WHOLE = """
name = "ONE"
pixel_scale = 1.0
site.utc_offset = 2
[chip]
name = "ONE_1"
size = [536, 520]
active = "[17:528,1:520]"
prescan_x = "[4:13,1:520]"
gain = 1.9
read_noise = 5.0
[filters]
48 = "ONE_R"
[cards]
DATE_OBS = "DATE-OBS"
filter = "FILTERS"
[[purpose]]
is = "science"
"""
HEADER = {"INSTRUME": "ONE", "DATE-OBS": "2013-07-13T01:02:03", "NAXIS1": 536, "NAXIS2": 520}


def camera(*changes, added=""):
    text = WHOLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return described((text + added).encode(), "one.toml")


def attributes(one, **cards):
    full = {**HEADER, **{name.replace("_", "-"): value for name, value in cards.items()}}
    return one.translate(full, full)


def test_all_mistakes_of_a_description_are_told_at_once():
    with pytest.raises(ConfigError) as refused:
        camera(
            ("gain = 1.9", "gian = 1.9"), ("size = [536, 520]", "size = [0, -1]"),
            ("pixel_scale = 1.0", ""), ("48 =", '"" ='), ('"science"', '"sciense"'),
            added='is_not = 3\n[[purpose]]\nis = "flat"\n',
        )  # fmt: skip
    told = str(refused.value).splitlines()
    assert all(line.startswith("one.toml: ") for line in told)
    places = [
        "pixel_scale is missing", "chip.gian is not known; did you mean 'gain'?",
        "chip.size[1] is 0", "chip.size[2] is -1", "purpose[1].is is 'sciense'",
        "purpose[2].is is 'flat'",
    ]  # fmt: skip
    for place in places:
        assert sum(f"one.toml: {place}" in line for line in told) == 1, told
    assert not any("gain is missing" in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "ONE"', 'name = "../one"', "name is '../one', expected capitals, digits and _"),
        ('name = "ONE"', "", "name is missing: name of the camera"),
        ("gain = 1.9", "gain = 0", "chip.gain is 0, expected a number from 1e-09 to"),
        ("gain = 1.9", "gain = nan", "chip.gain is nan, expected a number from"),
        ("gain = 1.9", 'gain = "1.9"', "chip.gain is '1.9', expected a number"),
        ("gain = 1.9", "", "chip.gain is missing: nominal gain"),
        ("gain = 1.9", "gian = 1.9", "chip.gian is not known; did you mean 'gain'?"),
        ("[17:528,1:520]", "[17:5280,1:520]", "chip.active is '[17:5280,1:520]', expected a sec"),
        ("[17:528,1:520]", "[528:17,1:520]", "chip.active is '[528:17,1:520]', expected a sec"),
        ('active = "[17:528,1:520]"', "", "chip.active is missing: with a prescan"),
        ("size = [536, 520]", "size = [536]", "chip.size is [536], expected a list of 2"),
        ("utc_offset = 2", 'time_zone = "Mars/Base"', "site.time_zone is 'Mars/Base', expected a"),
        ("site.utc_offset = 2", "site = {}", "site has neither time_zone nor utc_offset nor"),
        ('DATE_OBS = "DATE-OBS"', "", "cards has no DATE_OBS"),
        ('DATE_OBS = "DATE-OBS"', "DATE_OBS = {}", "cards.DATE_OBS needs a keyword or a constant"),
        ('"FILTERS"', '{ keyword = "F", pattern = "(" }', "cards.filter.pattern is '(', expected"),
        ('"FILTERS"', '{ keyword = "F", unit = "eV" }', "cards.filter.unit is 'eV', expected"),
        ('is = "science"', 'is = "sciense"', "purpose[1].is is 'sciense', expected one of bias"),
        ('[[purpose]]\nis = "science"', "", "purpose is missing: rules that tell"),
        ('48 = "ONE_R"', '48 = "a/b"', "filters.48 is 'a/b', expected a name without blanks"),
        ('name = "ONE"', "name = ONE", "the file cannot be read as TOML: Invalid value"),
        ("gain = 1.9", f"gain = {'9' * 5000}", "the file cannot be read as TOML: Exceeds the"),
        ("gain = 1.9", "gain = [" + "[" * 20_000, "the file cannot be read as TOML: maximum rec"),
        ("gain = 1.9", "a ." * 50_000 + "a = 1", "the file has 50000 dots in one word, a key"),
        ('"FILTERS"', '{ keyword = "F", pattern = ".{1,5000000000}" }', "cards.filter.pattern is"),
        ("[17:528,1:520]", "[17:٥٢٨,1:520]", "chip.active is '[17:٥٢٨,1:520]', expected a sec"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_file_and_key(old, new, told):
    with pytest.raises(ConfigError) as refused:
        camera((old, new))
    assert str(refused.value).startswith(f"one.toml: {told}")
    assert "\n" not in str(refused.value)


def test_dots_that_are_no_key_are_let_be():
    assert camera(("gain = 1.9", "gain = 1.9  # " + 90 * ".")).name == "ONE"


def test_mistakes_between_keys_are_told_at_once_too():
    with pytest.raises(ConfigError) as refused:
        camera(
            ("[17:528,1:520]", "[17:5280,1:520]"), ("[4:13,1:520]", "[4:13,1:5200]"),
            ("utc_offset = 2", 'time_zone = "Mars/Base"'),
            ('DATE_OBS = "DATE-OBS"', "EXPTIME = {}"),
            ('"FILTERS"', '{ keyword = "F", constant = "R" }'),
            ('48 = "ONE_R"', 'R = { name = "ONE_R", band = "R" }'),
            ('[[purpose]]\nis = "science"', "[cube]\nstep = {}"),
        )  # fmt: skip
    told = str(refused.value).splitlines()
    for place in (
        "chip.active is '[17:5280,1:520]'", "chip.prescan_x is '[4:13,1:5200]'",
        "site.time_zone is 'Mars/Base'", "cards has no DATE_OBS", "cards.EXPTIME needs a keyword",
        "cards.filter needs a keyword", "filters.R has band or wavelength", "purpose is missing",
        "cube.step needs a keyword",
    ):  # fmt: skip
        assert sum(line.startswith(f"one.toml: {place}") for line in told) == 1, (place, told)
    assert len(told) == 9


def test_all_that_chips_and_amplifiers_lack_is_told():
    with pytest.raises(ConfigError) as refused:
        camera(
            ("gain = 1.9\n", ""), ("read_noise = 5.0\n", ""), ("size = [536, 520]\n", ""),
            ('[cards]', '[[chip.amplifiers]]\nname = "a"\n[cards]'),
        )  # fmt: skip
    told = [line.removeprefix("one.toml: ") for line in str(refused.value).splitlines()]
    lacks = ["chip.size", "chip.gain", "chip.read_noise"]
    assert [line.partition(" ")[0] for line in told] == lacks
    with pytest.raises(ConfigError) as refused:
        camera(('[cards]', 2 * '[[chip.amplifiers]]\nname = "a"\n' + '[cards]'))
    told = str(refused.value).splitlines()
    assert ["amplifiers[1].active is missing" in line for line in told] == [True, False]
    assert ["amplifiers[2].active is missing" in line for line in told] == [False, True]


@pytest.mark.parametrize(
    ("cards", "mode"),
    [({"GAIN": 100, "READOUTM": "Fast"}, "GAIN=100 READOUTM=Fast"),
     ({"GAIN": 100.0, "READOUTM": " Fast "}, "GAIN=100 READOUTM=Fast"),
     ({"READOUTM": "Fast"}, "READOUTM=Fast"), ({"GAIN": 0, "READOUTM": ""}, "GAIN=0"),
     ({}, "")],
)  # fmt: skip
def test_cards_taken_together_are_one_text(cards, mode):
    both = 'filter = "FILTERS"\nread_mode = { together = ["GAIN", "READOUTM"] }'
    one = camera(('filter = "FILTERS"', both))
    assert attributes(one, **cards).get("read_mode", "") == mode
    with pytest.raises(BadHeader, match="GAIN is 1 in one header of the file and 2 in another"):
        one.translate({**HEADER, "GAIN": 1}, {**HEADER, "GAIN": 2})
    with pytest.raises(ConfigError, match=r"cards\.EXPTIME is of cards taken together"):
        camera(("[cards]", '[cards]\nEXPTIME = { together = ["A", "B"] }'))


TWO_AMPLIFIERS = """
amplifiers = [{ name = "a", active = "[1:10,1:10]" }, { name = "b", active = "[11:20,1:10]" }]
"""


@pytest.mark.parametrize(
    ("amplifiers", "crosstalk", "told"),
    [("", "ONE_1 = { ONE_2 = 0.001 }", "has 'ONE_1', a chip: crosstalk is corrected between"),
     ("", "a = { b = 0.001 }", "has 'a', and the chip has no amplifiers; describe them"),
     (TWO_AMPLIFIERS, "a = { ONE_1 = 0.001 }", "has 'ONE_1', a chip: crosstalk is corrected"),
     (TWO_AMPLIFIERS, "a = { c = 0.001 }", "has 'c', expected one of the amplifiers a, b"),
     (TWO_AMPLIFIERS, "a = { a = 0.001 }", "has 'a' in itself, expected other amplifiers")],
)  # fmt: skip
def test_crosstalk_is_between_amplifiers_of_one_chip(amplifiers, crosstalk, told):
    changes = [('active = "[17:528,1:520]"\nprescan_x = "[4:13,1:520]"\n', "")]
    with pytest.raises(ConfigError) as refused:
        camera(*changes, ("gain = 1.9", f"gain = 1.9{amplifiers}\ncrosstalk.{crosstalk}"))
    assert str(refused.value).startswith(f"one.toml: chip.crosstalk {told}")
    assert "\n" not in str(refused.value)


def test_a_card_that_contradicts_itself_is_not_called_missing_too():
    one = camera(("[[purpose]]", '[[purpose]]\nIMAGETYP = "object"'))
    with pytest.raises(BadHeader) as refused:
        one.purpose(values.parse(header([b"IMAGETYP= 'object".ljust(80)])))
    assert "IMAGETYP" in str(refused.value)
    assert "missing" not in str(refused.value)
    with pytest.raises(BadHeader) as refused:
        attributes(camera(), DATE_OBS="nonsense")
    assert "missing" not in str(refused.value)


def test_several_chips_need_a_card_and_names_of_their_own():
    two = '[[chips]]\nname="A"\n[[chips]]\nname="{}"\n'
    with pytest.raises(ConfigError, match="cards has no chip, expected which of 2 chips"):
        camera(('name = "ONE_1"', ""), added=two.format("B"))
    with pytest.raises(ConfigError, match="chips has A twice"):
        camera(('name = "ONE_1"', ""), ("[cards]", '[cards]\nchip = "X"'), added=two.format("A"))


def test_what_a_chip_says_goes_before_what_all_have_in_common():
    chips = '[[chips]]\nname="A"\nbits = 16\n[[chips]]\nname="B"\n'
    one = camera(('name = "ONE_1"', "bits = 14"), ("[cards]", '[cards]\nchip = "X"'), added=chips)
    assert [chip.bits for chip in one.chips.values()] == [16, 14]
    assert [chip.extension for chip in one.chips.values()] == [1, 2]


def test_strips_are_as_high_as_the_light_and_the_method_fits_them():
    one = camera(("[4:13,1:520]", "[ 4: 13, 1: 520]"), ("[17:528,1:520]", "[17:528,11:520]"))
    assert one.chips["ONE_1"].geometry.prescan_x == "[4:13,11:520]"
    assert one.parameters == {"*.OVERSCAN_CORRECTION": 5}
    added = "[parameters]\nBiasFrame.SIGMA_CLIP = 3.0"
    plain = camera(('prescan_x = "[4:13,1:520]"', ""), added=added)
    assert plain.parameters == {"*.OVERSCAN_CORRECTION": 0, "BiasFrame.SIGMA_CLIP": 3.0}


@pytest.mark.parametrize(
    ("entry", "cards", "expected"),
    [
        ('{ keyword = "DATE-OBS", time = "UT" }', {"DATE-OBS": "2013-07-13", "UT": "00:57:33"},
         datetime(2013, 7, 13, 0, 57, 33)),
        ('"DATE-OBS"', {"DATE-OBS": "2013-07-13T02:00:00+02:00"}, datetime(2013, 7, 13)),
        ('{ keyword = "DATE-OBS", unit = "dd/mm/yy", time = "UT" }',
         {"DATE-OBS": "3/8/98", "UT": "09:00:21"}, datetime(1998, 8, 3, 9, 0, 21)),
        ('{ keyword = "DATE-OBS", unit = "dd/mm/yy", time = "UT" }',
         {"DATE-OBS": "23/08/18", "UT": "09:00:21"}, datetime(2018, 8, 23, 9, 0, 21)),
        ('{ keyword = "DATUM", unit = "dd/mm/yy", time = "ZEIT" }',
         {"DATUM": "3.8.2021", "ZEIT": "09:00:21,5"}, datetime(2021, 8, 3, 9, 0, 21, 500_000)),
        ('{ keyword = "DATUM", unit = "mm/dd/yy", time = "UT" }',
         {"DATUM": "08-23-2018", "UT": "09:00:21"}, datetime(2018, 8, 23, 9, 0, 21)),
        ('{ keyword = "LOCAL", zone = "Europe/Berlin" }', {"LOCAL": "2021-08-03T02:00:00"},
         datetime(2021, 8, 3)),
        ('{ keyword = "LOCAL", zone = "Europe/Berlin", add = -0.5 }',
         {"LOCAL": "2021-01-03T00:30:00"}, datetime(2021, 1, 2, 23, 29, 59, 500_000)),
        ('{ keyword = "LOCAL", zone = "Europe/Berlin" }', {"LOCAL": "2021-08-03T02:00:00Z"},
         datetime(2021, 8, 3, 2)),
        ('{ keyword = "MJD", unit = "MJD", decimal = "," }', {"MJD": "56486,5"},
         datetime(2013, 7, 13, 12)),
        ('{ keyword = ["NONE", "MJD"], unit = "MJD" }', {"MJD": 56486.5},
         datetime(2013, 7, 13, 12)),
        ('{ keyword = "JD", unit = "JD" }', {"JD": 2456487.0}, datetime(2013, 7, 13, 12)),
        ('{ keyword = "T", unit = "unix", add = 3600 }', {"T": 0}, datetime(1970, 1, 1, 1)),
    ],
)  # fmt: skip
def test_moments_are_read_as_headers_write_them(entry, cards, expected):
    one = camera(('DATE_OBS = "DATE-OBS"', f"DATE_OBS = {entry}"))
    header = {**HEADER, **cards}
    assert one.translate(header, header)["DATE_OBS"] == expected


@pytest.mark.parametrize(
    ("entry", "value", "told"),
    [
        # the night in which summer time ends, and that in which it begins
        ('{ keyword = "T", zone = "Europe/Berlin" }', "2021-10-31T02:30:00", "twice or never"),
        ('{ keyword = "T", zone = "Europe/Berlin" }', "2021-03-28T02:30:00", "twice or never"),
        ('"T"', "03.08.2021T09:00:00", 'unit = "dd/mm/yy" reads a day that comes first'),
        ('{ keyword = "T", unit = "mm/dd/yy" }', "23/08/2018T09:00:00", "is not a moment in UTC"),
        ('{ keyword = "T", unit = "dd/mm/yy" }', "3/8-2018T09:00:00", "is not a moment in UTC"),
        ('{ keyword = "T", unit = "dd/mm/yy" }', "3/8/201T09:00:00", "is not a moment in UTC"),
    ],
)
def test_moments_that_are_not_clear_are_refused(entry, value, told):
    one = camera(('DATE_OBS = "DATE-OBS"', f"DATE_OBS = {entry}"))
    with pytest.raises(BadHeader, match=told):
        attributes(one, T=value)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../../etc/passwd", "/etc/localtime", ""])
def test_a_zone_that_is_none_is_refused_in_the_description(zone):
    entry = f'{{ keyword = "T", zone = "{zone}" }}'
    with pytest.raises(ConfigError, match=r"cards.DATE_OBS.zone is .*, expected a time zone such"):
        camera(('DATE_OBS = "DATE-OBS"', f"DATE_OBS = {entry}"))


def test_a_comma_is_read_where_the_description_says_so():
    last = 'filter = "FILTERS"'
    plain = camera((last, f'{last}\nEXPTIME = "BELZEIT"'))
    with pytest.raises(BadHeader, match=r"BELZEIT = '12,50' is not a number; decimal = ',' reads"):
        attributes(plain, BELZEIT="12,50")
    entry = '{ keyword = "BELZEIT", decimal = "," }'
    one = camera((last, f"{last}\nEXPTIME = {entry}"))
    for value in ("12,50", "12.5", 12.5, " 1,25E1"):
        assert attributes(one, BELZEIT=value)["EXPTIME"] == 12.5
    # two of them are no number, and neither is a comma next to a point
    for value in ("1,200,5", "1,200.5"):
        with pytest.raises(BadHeader, match="is not a number"):
            attributes(one, BELZEIT=value)


def test_a_filter_nobody_described_is_no_reason_to_refuse_what_is_taken_without_light():
    one = camera(("FILTERS", "FARBE"))
    header = {**HEADER, "FARBE": "-"}
    assert one.translate(header, header, "bias")["filter"] is None
    with pytest.raises(BadHeader, match=r"1 problem\(s\) in the head.*FARBE = '-' is not one of"):
        one.translate(header, header, "science")
    # with another fault both are told
    header["DATE-OBS"] = "yesterday"
    with pytest.raises(BadHeader, match=r"2 problem.*yesterday.*FARBE = '-' is not one"):
        one.translate(header, header, "bias")


def test_a_date_without_a_time_of_day_is_refused():
    with pytest.raises(BadHeader, match=r"DATE-OBS = '2013-07-13' is a date without a time"):
        attributes(camera(), DATE_OBS="2013-07-13")
    one = camera(('"DATE-OBS"', '{ keyword = "DATE-OBS", time = "UT" }'))
    with pytest.raises(BadHeader, match="UT is missing: DATE-OBS = '2013-07-13' has no time"):
        attributes(one, DATE_OBS="2013-07-13")


def test_numbers_have_units_patterns_and_bounds():
    added = (
        '[cards]\nEXPTIME = { keyword = "EXPMS", unit = "ms" }\nLST = "ST"\nAIRMSTRT = "SECZ"\n'
        'OBJECT = { keyword = "TARGET", pattern = "^(.*) #" }\nOBSERVER = { constant = "us" }'
    )
    one = camera(("[cards]", added))
    found = attributes(one, EXPMS=1500, ST="21:45:06", SECZ="1.2", TARGET="M 31 #5")
    assert (found["EXPTIME"], found["LST"], found["AIRMSTRT"]) == (1.5, 78306.0, 1.2)
    assert (found["OBJECT"], found["OBSERVER"]) == ("M 31", "us")
    with pytest.raises(BadHeader, match=r"EXPMS = '1,5' is not a number.*SECZ = 0.5 is outside"):
        attributes(one, EXPMS="1,5", SECZ=0.5)
    with pytest.raises(BadHeader, match="TARGET = 'M 31' does not match the pattern"):
        attributes(one, TARGET="M 31")


def test_cards_twice_and_headers_that_contradict_are_refused_or_settled():
    lines = [card("DATE-OBS", "2013-07-13T01:02:03"), card("N", 1), card("N", 2)]
    lines += [card("NAXIS1", 536), card("NAXIS2", 520)]
    twice = values.parse(header(lines))
    with pytest.raises(BadHeader, match="N appears more than once with different values"):
        camera(("[cards]", '[cards]\nOBJECT = "N"')).translate(twice, twice)
    for which, name in (("first", "1"), ("last", "2")):
        entry = f'[cards]\nOBJECT = {{ keyword = "N", repeated = "{which}" }}'
        assert camera(("[cards]", entry)).translate(twice, twice)["OBJECT"] == name
    primary, extension = {**HEADER, "OBJECT": "a"}, {**HEADER, "OBJECT": "b"}
    with pytest.raises(BadHeader, match="OBJECT is 'a' in one header of the file and 'b' in ano"):
        camera(("[cards]", '[cards]\nOBJECT = "OBJECT"')).translate(primary, extension)
    for which, name in (("primary", "a"), ("extension", "b")):
        entry = f'[cards]\nOBJECT = {{ keyword = "OBJECT", header = "{which}" }}'
        assert camera(("[cards]", entry)).translate(primary, extension)["OBJECT"] == name


def test_sections_come_from_cards_and_must_lie_inside():
    one = camera(added='[sections]\nactive = "TRIMSEC"\nprescan_x = "BIASSEC"\n')
    found = attributes(one, TRIMSEC="[ 17: 528, 11: 520]", BIASSEC="[   4:  13,   1: 520]")
    assert found["geometry"].active == "[17:528,11:520]"
    assert found["geometry"].prescan_x == "[4:13,11:520]"
    with pytest.raises(BadHeader, match=r"section \[17:9999,1:520\] does not lie inside"):
        attributes(one, TRIMSEC="[17:9999,1:520]")
    with pytest.raises(BadHeader, match=r"section '\[4096:4109\]' is not of the form"):
        attributes(one, TRIMSEC="[4096:4109]")
    with pytest.raises(BadHeader, match="TRIMSEC is missing"):
        attributes(one)


def test_binning_divides_the_regions_and_a_window_has_its_place():
    binned = camera(added='[binning]\nx = "XBIN"\ny = "YBIN"\n')
    found = attributes(binned, XBIN=2, YBIN=4, NAXIS1=268, NAXIS2=130)["geometry"]
    assert (found.active, found.prescan_x) == ("[9:264,1:130]", "[3:6,1:130]")
    assert found.binning == (2, 4)
    with pytest.raises(BadHeader, match="268 x 520 pixels is not a whole one of 536 x 520"):
        attributes(binned, NAXIS1=268)
    window = '[window]\nx = "X0"\ny = "Y0"\nfirst = 0\nbinned = true\n[binning]\nx = "XBIN"\n'
    bare = ('active = "[17:528,1:520]"\nprescan_x = "[4:13,1:520]"', "")
    one = camera(bare, added=window)
    found = attributes(one, XBIN=2, X0=10, Y0=5, NAXIS1=100, NAXIS2=200)["geometry"]
    assert (found.active, found.start_x, found.start_y) == ("[1:100,1:200]", 21, 6)
    # where it begins is not guessed
    for cards in ({"X0": 10}, {"Y0": 5}, {}):
        with pytest.raises(BadHeader, match="no card tells where on the chip it begins; name it"):
            attributes(one, XBIN=2, NAXIS1=100, NAXIS2=200, **cards)
    assert attributes(one, X0=10, NAXIS1=100)["geometry"].start_y == 1
    with pytest.raises(BadHeader, match=r"399 x 520 pixels is not a whole one.*window.x = 'XORG"):
        attributes(camera(bare), NAXIS1=399)


@pytest.mark.parametrize(
    ("unit", "card"),
    [("", "0001-01-01T00:00:00"), ("", "9999-12-31T23:59:59"), ("", "0001-01-01T00:00:00+10:00"),
     ('unit = "MJD", ', 2_900_000), ('unit = "JD", ', 0.5), ('unit = "unix", ', 2e11)],
)  # fmt: skip
def test_nobody_exposed_at_the_ends_of_the_calendar(unit, card):
    words = f'{{ keyword = "DATE-OBS", {unit}add = 1e9 }}'
    with pytest.raises(BadHeader, match=r"years 1840 to 2199|not a moment"):
        attributes(camera(('"DATE-OBS"', words)), **{"DATE-OBS": card})


def test_purposes_are_the_first_rule_that_holds():
    rules = (
        '[[purpose]]\nis = "bias"\nEXPTIME = { at_most = 0.01 }\n'
        '[[purpose]]\nis = "dome"\nfolder = "flat*"\n'
        '[[purpose]]\nis = "twilight"\nIMAGETYP = ["FLAT *", "sky"]\nOBJECT = { not = "test*" }\n'
    )
    one = camera(('[[purpose]]\nis = "science"', rules))
    assert one.purpose({"EXPTIME": 0}) == "bias"
    assert one.purpose({"EXPTIME": 3}, Path("/night/Flats/a.fits")) == "dome"
    assert one.purpose({"EXPTIME": 3, "IMAGETYP": " Flat  Frame"}) == "twilight"
    with pytest.raises(BadHeader) as refused:
        one.purpose({"IMAGETYP": "Sky", "OBJECT": "Test 3"}, Path("/night/a.fits"))
    assert str(refused.value) == (
        "what it was taken for is not known: IMAGETYP = 'Sky', OBJECT = 'Test 3', EXPTIME is "
        "missing, folder 'night' fits no [[purpose]] of ONE; add a rule to its description"
    )
    assert set(instruments.PURPOSES) == set(CLASSES)


def test_a_frame_with_light_has_a_filter():
    one = camera()
    assert one.translate({**HEADER, "FILTERS": 48}, HEADER, "science")["filter"] == "ONE_R"
    with pytest.raises(BadHeader, match="no filter, which a dome frame of ONE must have"):
        one.translate(HEADER, HEADER, "dome")
    bare = ('[filters]\n48 = "ONE_R"', "")
    listed = camera(bare, ("pixel_scale", 'filters=["B b"]\npixel_scale'))
    assert listed.filters == {"B b": "ONE_B_b"}


def test_nights_are_those_of_standard_time_all_the_year():
    for site, offset in (
        ('time_zone = "Europe/Amsterdam"', 1.0), ('time_zone = "Australia/Sydney"', 10.0),
        ('time_zone = "America/Los_Angeles"', -8.0), ('time_zone = "Asia/Kolkata"', 5.5),
        ("longitude = 289.6", -4.6933),
    ):  # fmt: skip
        assert camera(("utc_offset = 2", site)).utc_offset == pytest.approx(offset, abs=1e-3)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    (tmp_path / "instruments").mkdir()
    return tmp_path / "instruments"


def test_files_of_the_home_are_cameras_and_are_read_again_when_they_change(home):
    path = home / "one.toml"
    path.write_text(WHOLE)
    assert set(instruments.available()) == {*instruments.shipped(), "ONE"}
    assert instruments.get("ONE").chip("ONE_1").gain == 1.9
    path.write_text(WHOLE.replace("gain = 1.9", "gain = 12.25"))
    assert instruments.get("ONE").chip("ONE_1").gain == 12.25
    path.rename(home / "two.toml")
    with pytest.raises(ConfigError, match=r"two\.toml: name is 'ONE', expected 'TWO', that of th"):
        instruments.get("TWO")


def test_a_frame_is_of_the_one_camera_that_answers_to_it(home):
    (home / "one.toml").write_text(WHOLE)
    other = WHOLE.replace('"ONE"', '"TWO"').replace("ONE_", "TWO_")
    (home / "two.toml").write_text(other + '[recognise]\nVERSION = ["kast*"]\n')
    (home / "omegacam.toml").write_text(other)
    assert instruments.recognise({"INSTRUME": " one "}).name == "ONE"
    assert instruments.recognise({}, {"VERSION": "kastb"}).name == "TWO"
    assert instruments.recognise({"INSTRUME": "OMEGACAM"}).chip("ESO_CCD_#65")
    with pytest.raises(NotFound, match="INSTRUME = 'ONE' is a frame of ONE and TWO: tell them"):
        instruments.recognise({"INSTRUME": "ONE", "VERSION": "kastb"})
    (home / "bad.toml").write_text("name = ")
    told = r"a camera \(ONE by INSTRUME, TWO by VERSION\): no camera.*bad\.toml.*as TOML"
    with pytest.raises(NotFound, match=told):
        instruments.recognise({})


def test_what_tells_a_camera_of_awe_is_what_its_whole_description_says(home):
    told = _finding._marks()
    assert set(told) == set(instruments.shipped())
    for name, known in told.items():
        assert known == (instruments.get(name).recognised_by or {"INSTRUME": (name,)})


def test_a_camera_of_awe_is_read_when_a_frame_of_it_is_met(home, monkeypatch):
    read = []
    monkeypatch.setattr(_finding, "_kept", {})
    whole = _finding.described
    monkeypatch.setattr(
        _finding, "described", lambda text, file: read.append(file) or whole(text, file)
    )
    assert instruments.recognise({"INSTRUME": "WFI"}).name == "WFI"
    assert [file.rpartition("/")[2] for file in read] == ["wfi.toml"]


def test_a_number_tells_a_camera_as_its_text_does(home):
    told = '[recognise]\nINSTRUME = ["ONE"]\nGAIN = 2\nXBINNING = [1, 2.5]\n'
    (home / "one.toml").write_text(WHOLE + told)
    cards = {"INSTRUME": "ONE", "GAIN": 2, "XBINNING": 1.0}
    assert instruments.recognise(cards).name == "ONE"
    assert instruments.recognise({**cards, "GAIN": "2", "XBINNING": 2.5}).name == "ONE"
    with pytest.raises(NotFound):
        instruments.recognise({**cards, "GAIN": 3})
    (home / "one.toml").write_text(WHOLE + told.replace("GAIN = 2", "GAIN = true"))
    with pytest.raises(ConfigError, match="GAIN"):
        instruments.get("ONE")


def test_the_schema_for_editors_is_the_format():
    stored = Path(instruments.__file__).with_name("instrument.schema.json")
    assert json.loads(stored.read_text()) == json.loads(json.dumps(instruments.schema()))


def test_limits_follow_from_the_numbers_of_a_camera():
    assert camera().limits["ReadNoise.MAXIMUM_READ_NOISE"] == pytest.approx(
        2.5 * 5.0 / 1.9, abs=1e-3
    )
    assert camera().limits["DomeFlatFrame.MAXIMUM_LEVEL"] == 55_000
    # of 8 million pixels 5000 may come or go; a small chip has fewer
    assert camera().limits["HotPixelMap.MAXIMUM_COUNT_DIFFERENCE"] == 160
    assert camera().limits["BackgroundFrame.MAXIMUM_SUBWIN_FLATNESS"] == 10_000
    assert camera().limits["BiasFrame.STRAY_STEP"] == pytest.approx(2 * 5.0 / 1.9, abs=1e-3)
    # 14 bits, and no strip: the level stays in the bias
    small = camera(('prescan_x = "[4:13,1:520]"', "bits = 14"))
    assert small.limits["TwilightFlatFrame.MINIMUM_LEVEL"] == 750
    assert small.limits["SaturatedPixelMap.THRESHOLD_HIGH"] == 14_999
    assert small.limits["ReducedScienceFrame.MAXIMUM_STDEV"] == 1250
    assert small.limits["BiasFrame.MAXIMUM_ABS_MEAN"] == 4096
    known = camera(('prescan_x = "[4:13,1:520]"', "bias_level = 992"))
    assert known.limits["BiasFrame.MAXIMUM_ABS_MEAN"] == 1984
    # what a user says of all classes goes before what follows from numbers
    added = '[parameters]\n"*".MAXIMUM_LEVEL = 40000.0'
    assert camera(added=added).limits["MasterFlatFrame.COMBINE"] == 1
    sky = '[[purpose]]\nis = "{}"\nIMAGETYP = "Flat"\n'
    assert camera(added=sky.format("twilight")).limits["MasterFlatFrame.COMBINE"] == 3
    both = sky.format("twilight") + sky.format("dome")
    assert "MasterFlatFrame.COMBINE" not in camera(added=both).limits


def test_parameters_go_before_limits(home):
    text = WHOLE + '[parameters]\n"*".MAXIMUM_LEVEL = 40000.0\n'
    (home / "one.toml").write_text(text)
    values = DomeFlatFrameParameters.defaults("ONE")
    assert (values["MAXIMUM_LEVEL"], values["MINIMUM_LEVEL"]) == (40_000, 1000)
    assert DomeFlatFrameParameters.defaults("OMEGACAM")["MAXIMUM_LEVEL"] == 55_000
    for cls in ProcessParameters.known.values():
        # every limit is one of a parameter, within its range
        cls.defaults("ONE")
    known = {
        f"{c.product}.{name}"
        for c in ProcessParameters.known.values()
        for name in c.declarations
    }
    assert set(camera().limits) <= known


def test_headers_that_name_two_cameras_are_told_apart():
    with pytest.raises(NotFound, match="is 'OMEGACAM' in one header of the file and 'WFI' in an"):
        instruments.recognise({"INSTRUME": "OMEGACAM"}, {"INSTRUME": "WFI"})

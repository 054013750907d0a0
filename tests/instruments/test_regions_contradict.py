"""Regions that cannot be true together are refused by name, in headers and in descriptions."""

from __future__ import annotations

import pytest

from awe.errors import BadHeader, ConfigError
from awe.instruments._described import described

CAMERA = """
name = "TWIN"
pixel_scale = 0.5
site.utc_offset = 1
[chip]
name = "TWIN_1"
size = [364, 260]
gain = 1.5
read_noise = 6.0
{chip}
[cards]
DATE_OBS = "DATE-OBS"
{more}
[[purpose]]
is = "science"
"""
AMPLIFIERS = """
[[chip.amplifiers]]
name = "left"
cards = { active = "ASEC1", overscan_x = "BSEC1", overscan_y = "CSEC1" }
[[chip.amplifiers]]
name = "right"
cards = { active = "ASEC2", overscan_x = "BSEC2" }
"""
SECTIONS = '[sections]\nactive = "TRIMSEC"\noverscan_x = "BIASSEC"\nprescan_y = "PRESEC"\n'
RIGHT = {"ASEC1": "[1:150,1:240]", "ASEC2": "[151:300,1:240]", "BSEC1": "[301:332,1:240]",
         "BSEC2": "[333:364,1:240]", "CSEC1": "[1:150,241:260]",
         "TRIMSEC": "[1:332,11:260]", "BIASSEC": "[333:364,11:260]", "PRESEC": "[1:332,1:10]"}


def read(chip, more, **cards):
    camera = described(CAMERA.format(chip=chip, more=more).encode(), "twin.toml")
    full = {"INSTRUME": "TWIN", "DATE-OBS": "2022-05-01T20:00:00", "NAXIS1": 364, "NAXIS2": 260}
    return camera.translate(full, full | RIGHT | cards)["geometry"]


def test_regions_that_fit_are_taken():
    assert len(read(AMPLIFIERS, "").amplifiers) == 2
    assert read("", SECTIONS).active == "[1:332,11:260]"
    # some columns of what is between are not of the strip, and a strip need not be as high
    between = {"ASEC2": "[215:364,1:240]", "BSEC1": "[155:180,31:240]", "BSEC2": "[185:210,1:240]"}
    assert len(read(AMPLIFIERS, "", **between).places()) == 2


@pytest.mark.parametrize(
    ("chip", "more", "cards", "told"),
    [
        (AMPLIFIERS, "", {"ASEC2": "[160:300,1:240]"},
         r"columns 151 to 159 between the amplifiers left .*, right .* are of no strip"),
        (AMPLIFIERS, "", {"ASEC2": "[140:300,1:240]"}, "lap over each other from pixel 140"),
        (AMPLIFIERS, "", {"ASEC2": "[151:300,1:230]"}, "have some rows in common and not all, 1"),
        (AMPLIFIERS, "", {"BSEC1": "[140:150,1:240]"},
         r"overscan_x \[140:150,1:240\] of amplifier left and the light-sensitive pixels .* of "
         "amplifier left lap over each other"),
        # in the light of the other one
        (AMPLIFIERS, "", {"BSEC1": "[280:310,1:240]"}, "of amplifier right lap over each other"),
        (AMPLIFIERS, "", {"CSEC1": "[1:150,240:260]"}, r"overscan_y \[1:150,240:260\] of amplifi"),
        (AMPLIFIERS, "", {"BSEC1": "[301:332,241:260]"},
         r"overscan_x \[301:332,241:260\] has no rows in common with the light"),
        ("", SECTIONS, {"BIASSEC": "[330:364,11:260]"}, r"overscan_x \[330:364,11:260\] and"),
        ("", SECTIONS, {"BIASSEC": "[333:364,1:10]"}, r"overscan_x \[333:364,1:10\] has no rows"),
        ("", SECTIONS, {"PRESEC": "[333:364,1:10]"}, r"prescan_y \[333:364,1:10\] has no columns"),
    ],
)  # fmt: skip
def test_cards_that_contradict_are_refused(chip, more, cards, told):
    with pytest.raises(BadHeader, match=told):
        read(chip, more, **cards)


def test_a_description_that_contradicts_itself_is_refused():
    for chip, told in [
        ('active = "[1:340,1:260]"\noverscan_x = "[333:364,1:260]"', "chip .*lap over each other"),
        ('active = "[1:332,11:260]"\noverscan_x = "[333:364,1:10]"', "chip .*no rows in common"),
        ('[[chip.amplifiers]]\nname = "a"\nactive = "[1:150,1:260]"\n[[chip.amplifiers]]\n'
         'name = "b"\nactive = "[161:364,1:260]"', "amplifiers columns 151 to 160 between the am"),
    ]:  # fmt: skip
        with pytest.raises(ConfigError, match=told):
            read(chip, "")

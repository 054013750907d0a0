"""A first description drafted from files: of cameras made here, and of real ones."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awe import instruments
from awe.admin.command import main
from awe.calib.detector import amplifiers, outline

REAL = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not (REAL / "kast_lick_raw").is_dir(), reason="no real frames here")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Camera:
    """A simulated chip: noise [e-], gain [e-/ADU], levels and strips, written with any cards."""

    def __init__(self, folder, seed, *, shape=(200, 300), gain=1.6, noise=7.0, light=None):
        self.folder, self.random = folder, np.random.default_rng(seed)
        self.shape, self.gain, self.noise = shape, gain, noise
        self.light = light or (slice(None), slice(None))
        self.level = np.full(shape, 500.0)
        self.response = self.random.normal(1, 0.01, shape)
        folder.mkdir(exist_ok=True, parents=True)

    def frame(self, electrons=0.0, top=65535, step=1):
        lit = np.zeros(self.shape)
        # darker towards the edges, as flats are
        y, x = np.mgrid[: self.shape[0], : self.shape[1]]
        shade = 1 - 0.2 * (2 * x / self.shape[1] - 1) ** 2 - 0.2 * (2 * y / self.shape[0] - 1) ** 2
        lit[self.light] = self.random.poisson((electrons * shade * self.response)[self.light])
        pixels = (lit + self.random.normal(0, self.noise, self.shape)) / self.gain + self.level
        return (np.clip(np.rint(pixels / step), 0, top // step) * step).astype(np.uint16)

    def write(self, name, electrons=0.0, *, extensions=None, top=65535, step=1, **cards):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        cards = {word.replace("__", "-"): value for word, value in cards.items()}
        first = fits.PrimaryHDU(None if extensions else self.frame(electrons, top, step))
        first.header.update(hierarchical(cards))
        hdus = [
            fits.ImageHDU(self.frame(electrons), fits.Header(hierarchical(own)))
            for own in extensions or []
        ]
        fits.HDUList([first, *hdus]).writeto(path)
        return path

    def night(self, bias, flat, science, **cards):
        """Write two biases, two flats and one science frame."""
        for number in range(2):
            self.write(f"b{number}.fits", **cards, **bias, **date(number))
            self.write(f"f{number}.fits", 30_000, **cards, **flat, **date(number + 2))
        self.write("s.fits", 300, **cards, **science, **date(5))


def hierarchical(cards):
    """Return cards with the prefix that long keywords have."""
    return {f"HIERARCH {word}" if " " in word else word: value for word, value in cards.items()}


def date(minute):
    return {"DATE__OBS": f"2021-03-04T05:{minute:02}:06.5"}


def drafted(folder, capsys, *options):
    """Draft a camera by the command; return the description, its doubts, and the camera."""
    status = main(["instrument", "new", str(folder), *options])
    told = capsys.readouterr()
    assert status == 0, told.out + told.err
    path = Path(told.out.partition(":")[0])
    text = path.read_text()
    doubts = [line for line in text.splitlines() if line.startswith("# doubt: ")]
    return tomllib.loads(text), "\n".join(doubts), instruments.load(path), told.out


IRAF = [
    {"IMAGETYP": "zero", "EXPTIME": 0.0, "FILTER": "none"},
    {"IMAGETYP": "flat", "EXPTIME": 3.0, "FILTER": "R", "OBJECT": "dome"},
    {"IMAGETYP": "object", "EXPTIME": 60.0, "FILTER": "V", "OBJECT": "M 67"},
]


def test_sections_of_cards_gain_and_noise_of_pairs(tmp_path, capsys):
    camera = Camera(tmp_path / "iraf", 11, light=(slice(0, 200), slice(20, 280)))
    camera.night(*IRAF, INSTRUME="Tek 5 CCD", TELESCOP="SAAO 1.9m", AIRMASS=1.1, GAIN=1.9,
                 RDNOISE=5.0, TRIMSEC="[21:280,1:200]", BIASSEC="[ 283:300 , 1:200]",
                 CCDSUM="1 1", OBSERVER="us", SECPIX=0.4)  # fmt: skip
    text, doubts, made, told = drafted(camera.folder, capsys)
    assert told.endswith(f"6 right, 0 refused, {len(set(doubts.splitlines()))} doubt(s)\n")
    chip = made.chip("TEK_5_CCD_1")
    assert chip.geometry.active == "[21:280,1:200]"
    assert chip.geometry.overscan_x == "[283:300,1:200]"
    assert text["sections"] == {"active": "TRIMSEC", "overscan_x": "BIASSEC"}
    assert chip.gain == pytest.approx(1.6, rel=0.03)
    assert chip.read_noise == pytest.approx(7.0, rel=0.04)
    assert chip.bias_level == pytest.approx(500, abs=1)
    assert "RDNOISE says 5 electron" in doubts
    assert "GAIN says 1.9" in doubts
    assert (made.pixel_scale, made.utc_offset) == (0.4, 2.0)
    assert text["binning"]["x"]["keyword"] == "CCDSUM"
    assert text["filters"]["R"] == {"name": "TEK_5_CCD_R", "band": "R", "wavelength": 658.0}
    assert text["cards"]["AIRMSTRT"] == "AIRMASS"


def test_a_place_in_the_filter_wheel_is_taken_where_no_card_names_the_filter(tmp_path, capsys):
    camera = Camera(tmp_path / "wheel", 12, light=(slice(0, 200), slice(20, 280)))
    types = [{"IMAGETYP": "zero"}, {"IMAGETYP": "flat", "FILTPOS": 3},
             {"IMAGETYP": "object", "FILTPOS": 5}]  # fmt: skip
    camera.night(*types, INSTRUME="Wheel", EXPTIME=1.0)
    text, doubts, made, _ = drafted(
        camera.folder, capsys, "--time-zone", "Europe/Madrid", "--pixel-scale", "0.45"
    )
    assert text["cards"]["filter"] == "FILTPOS"
    assert text["filters"] == {"3": "WHEEL_3", "5": "WHEEL_5"}
    assert "FILTPOS = 3, 5 is taken for a place in the filter wheel" in doubts
    assert (made.pixel_scale, made.utc_offset) == (0.45, 1.0)
    assert "time_zone" not in doubts
    assert "made up" not in doubts


def test_told_zones_and_scales_are_checked(tmp_path, capsys):
    camera = Camera(tmp_path / "told", 12)
    camera.night(*IRAF, INSTRUME="Told")
    for said, told in (
        (["--time-zone", "Europe/Madrit"], "expected a time zone such as"),
        (["--pixel-scale", "-1"], "above 0 and below 3600"),
    ):
        assert main(["instrument", "new", str(camera.folder), *said]) == 1
        assert told in capsys.readouterr().err


def test_equal_biases_and_the_end_of_a_scale_are_told_with_files_and_keys(tmp_path, capsys):
    camera = Camera(tmp_path / "copies", 13)
    cards = {"INSTRUME": "Copies", "GAIN": 1.6}
    camera.write("b0.fits", **cards, **IRAF[0], **date(0), step=4)
    shutil.copy(camera.folder / "b0.fits", camera.folder / "b1.fits")
    camera.write("f0.fits", 3000, **cards, **IRAF[1], **date(2), step=4)
    path = camera.write("s.fits", 3000, **cards, **IRAF[2], **date(5), step=4)
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[50, 60] = 65532
    text, doubts, *_ = drafted(camera.folder, capsys)
    assert "b0.fits and b1.fits are equal: copies of one bias?" in doubts
    assert "multiples of 4: 14 bits of a converter" in doubts
    assert "saturation = 65532" in doubts
    assert "no full pixels" not in doubts
    assert text["chip"]["saturation"] == 65532


def test_extensions_with_strips_counted_by_cards(tmp_path, capsys):
    camera = Camera(tmp_path / "eso", 12, light=(slice(0, 190), slice(8, 288)))
    out = {"ESO DET OUT1 PRSCX": 8, "ESO DET OUT1 OVSCX": 12, "ESO DET OUT1 OVSCY": 10,
           "ESO DET OUT1 PRSCY": 0, "ESO DET OUT1 CONAD": 1.6}  # fmt: skip
    common = {"INSTRUME": "WIDECAM", "ESO TEL GEOLON": -70.7, "ESO TEL GEOLAT": -29.25,
              "ESO TEL AIRM START": 1.2, "ESO DET WIN1 BINX": 1, "ESO DET WIN1 BINY": 1,
              "extensions": [{"EXTNAME": f"CCD{n}", **out} for n in (50, 51)]}  # fmt: skip
    camera.night(
        {"ESO DPR TYPE": "BIAS", "EXPTIME": 0.0},
        {"ESO DPR TYPE": "FLAT,SKY", "EXPTIME": 5.0, "ESO INS FILT1 NAME": "BB#V/89_ESO843"},
        {"ESO DPR TYPE": "OBJECT", "EXPTIME": 99.0, "ESO INS FILT1 NAME": "BB#V/89_ESO843"},
        **common,
    )
    text, _, made, told = drafted(camera.folder, capsys)
    assert told.count("twilight, 2021") == 2
    assert list(made.chips) == ["WIDECAM_CCD50", "WIDECAM_CCD51"]
    for chip in made.chips.values():
        assert chip.geometry.active == "[9:288,1:190]"
        assert (chip.geometry.prescan_x, chip.geometry.overscan_x) == (
            "[1:8,1:190]", "[289:300,1:190]"
        )  # fmt: skip
        assert chip.gain == pytest.approx(1.6, rel=0.05)
    assert text["filters"]["BB#V/89_ESO843"]["band"] == "V"
    assert text["cards"]["chip"] == "EXTNAME"
    assert made.utc_offset == pytest.approx(-70.7 / 15, abs=1e-3)


def test_a_cmos_camera_of_a_camera_program(tmp_path, capsys):
    camera = Camera(tmp_path / "nina", 13, gain=0.25, noise=1.5)
    cards = {
        "INSTRUME": "ZWO ASI533MC Pro", "GAIN": 100, "EGAIN": 0.25, "XPIXSZ": 3.76,
        "YPIXSZ": 3.76, "XBINNING": 1, "YBINNING": 1, "FOCALLEN": 500.0, "SITELAT": 52.1,
        "SITELONG": 4.5, "DATE__LOC": "2021-03-04T06:02:06.5", "BAYERPAT": "RGGB",
        "ROWORDER": "TOP-DOWN", "top": 65532, "step": 4,
    }  # fmt: skip
    for number in range(2):
        camera.write(f"b{number}.fits", **cards, IMAGETYP="BIAS", EXPOSURE=0.001, **date(number))
        camera.write(f"f{number}.fits", 6000, **cards, IMAGETYP="FLAT", EXPOSURE=2.0,
                     FILTER="L", **date(2))  # fmt: skip
    camera.write("full.fits", 60_000, **cards, IMAGETYP="LIGHT", EXPOSURE=60.0, FILTER="L",
                 OBJECT="M 42", **date(2))  # fmt: skip
    text, doubts, made, _ = drafted(camera.folder, capsys)
    assert made.name == "ZWO_ASI533MC_PRO"
    chip = made.chip("ZWO_ASI533MC_PRO_1_G1")
    assert chip.geometry.active == "[1:150,1:100]"
    assert chip.geometry.overscan_x is None
    assert (chip.saturation, chip.bits) == (65532, 16)
    assert chip.gain == pytest.approx(0.25, rel=0.03)
    assert "all values are multiples of 4: 14 bits" in doubts
    assert "of several colours, RGGB" in doubts
    assert "no strip without light" in doubts
    assert text["pixel_scale"] == pytest.approx(206.265 * 3.76 / 500, rel=1e-4)
    assert made.pixel_scale == 2 * text["pixel_scale"]
    assert text["cards"]["EXPTIME"] == "EXPOSURE"
    assert text["site"]["utc_offset"] == 1.0


@pytest.mark.parametrize("order", ["TOP-DOWN", "BOTTOM-UP"])
def test_a_mosaic_is_drafted_to_be_split(tmp_path, capsys, order):
    camera = Camera(tmp_path / "night", 9)
    common = {"INSTRUME": "ZWO ASI533MC", "BAYERPAT": "RGGB", "XBAYROFF": 0, "YBAYROFF": 0,
              "ROWORDER": order, "FOCALLEN": 500.0, "XPIXSZ": 3.76}  # fmt: skip
    camera.night({"IMAGETYP": "BIAS"}, {"IMAGETYP": "FLAT"}, {"IMAGETYP": "LIGHT"}, **common)
    found, told, made, _ = drafted(camera.folder, capsys)
    assert found["bayer"]["split"] is True
    assert found["bayer"].get("first_row") == ("first" if order == "BOTTOM-UP" else None)
    assert "filter" not in found["cards"]
    assert "of several colours, RGGB: each frame is split into four" in told
    assert [name.rpartition("_")[2] for name in made.chips] == ["R", "G1", "G2", "B"]


def test_a_camera_without_any_section(tmp_path, capsys):
    """Strips and the two amplifiers are found in the pixels alone."""
    camera = Camera(tmp_path / "plain", 14, light=(slice(0, 200), slice(14, 274)))
    camera.level[:, 144:274] += 30
    camera.night(*IRAF, INSTRUME="BARE", OBJCTRA="01 02 03")
    text, doubts, made, _ = drafted(camera.folder, capsys, "--name", "bare7")
    chip = made.chip("BARE7_1")
    assert chip.geometry.active == "[15:274,1:200]"
    assert (chip.geometry.prescan_x, chip.geometry.overscan_x) == (
        "[1:14,1:200]", "[275:300,1:200]"
    )  # fmt: skip
    assert [one.active for one in chip.amplifiers] == ["[15:144,1:200]", "[145:274,1:200]"]
    assert [one.bias_level for one in chip.amplifiers] == pytest.approx([500, 530], abs=1)
    assert [one.prescan_x for one in chip.amplifiers] == ["[1:14,1:200]", None]
    for word in ("the regions are those of the pixels", "amplifiers?", "no card tells where"):
        assert word in doubts
    assert text["recognise"] == {"INSTRUME": ["BARE"]}


def test_two_amplifiers_of_cards_with_letters(tmp_path, capsys):
    camera = Camera(tmp_path / "ab", 15, light=(slice(0, 200), slice(20, 280)))
    camera.level[:, :150] += 40
    camera.night(*IRAF, INSTRUME="DUO", DATASECA="[21:150,1:200]", BIASSECA="[1:18,1:200]",
                 DATASECB="[151:280,1:200]", BIASSECB="[283:300,1:200]", GAINA=1.5, GAINB=1.7,
                 RDNOISEA=7.0, RDNOISEB=7.1)  # fmt: skip
    _, doubts, made, told = drafted(camera.folder, capsys)
    chip = made.chip("DUO_1")
    assert chip.geometry.active == "[21:280,1:200]"
    a, b = chip.amplifiers
    assert (a.name, a.active, a.prescan_x) == ("A", "[21:150,1:200]", "[1:18,1:200]")
    assert (b.name, b.active, b.overscan_x) == ("B", "[151:280,1:200]", "[283:300,1:200]")
    assert [a.bias_level, b.bias_level] == pytest.approx([540, 500], abs=1)
    assert [a.gain, b.gain] == pytest.approx([1.6, 1.6], rel=0.06)
    assert "DATASEC" not in doubts
    # a strip at either side: a method in x reads the one each has, and none is doubted
    method = made.parameters["*.OVERSCAN_CORRECTION"]
    assert method in (5, 6)
    for name, (left, right) in (("b0", (540, 500)), ("s", (540, 500))):
        raw = fits.getdata(camera.folder / f"{name}.fits")
        levels = amplifiers.levelled(raw, chip.geometry, method).levels
        assert [one.values.mean() for one in levels] == pytest.approx([left, right], abs=0.5)
    assert "doubt: overscan_x" not in told
    assert "doubt: prescan_x" not in told


@pytest.mark.parametrize(
    ("cards", "way"),
    [
        ({"DATE__OBS": "2021-03-04", "UT": "05:06:07"}, {"keyword": "DATE-OBS", "time": "UT"}),
        ({"DATE__OBS": "04/03/21", "TIME__OBS": "05:06:07"},
         {"keyword": "DATE-OBS", "time": "TIME-OBS", "unit": "dd/mm/yy"}),
        ({"DATE__OBS": "04.03.2021", "UT": "05:06:07"},
         {"keyword": "DATE-OBS", "time": "UT", "unit": "dd/mm/yy"}),
        ({"MJD__OBS": 59277.2125, "DATE__OBS": "2021-03-04"},
         {"keyword": "MJD-OBS", "unit": "MJD"}),
        ({"JD": 2459277.71255}, {"keyword": "JD", "unit": "JD"}),
        ({"DATE__BEG": "2021-03-04T05:06:07"}, "DATE-BEG"),
    ],
)  # fmt: skip
def test_dates_as_headers_write_them(tmp_path, capsys, cards, way):
    camera = Camera(tmp_path / "dates", 16)
    camera.write("a.fits", 100, INSTRUME="D", IMAGETYP="object", EXPTIME=1.0, FILTER="R", **cards)
    text, _, _, told = drafted(camera.folder, capsys)
    assert text["cards"]["DATE_OBS"] == way
    assert "science, 2021-03-04T05:06:0" in told


def test_types_that_say_nothing_are_helped_by_objects_and_folders(tmp_path, capsys):
    camera = Camera(tmp_path / "types", 17)
    cards = {"INSTRUME": "T", "EXPTIME": 1.0, "FILTER": "R", "IMAGETYP": "Light Frame"}
    camera.write("a.fits", 9000, OBJECT="flat R", **cards, **date(1))
    camera.write("b.fits", 100, OBJECT="M 67", **cards, **date(2))
    camera.write("bias/c.fits", 0, **cards, **date(3))
    camera.write("d.fits", 100, **{**cards, "IMAGETYP": "ARC"}, **date(4))
    _, doubts, _, told = drafted(camera.folder, capsys)
    for name, purpose in (("a", "dome"), ("b", "science"), ("c", "bias"), ("d", "science")):
        assert f"{name}.fits: T, {purpose}, " in told
    assert "OBJECT = flat R does" in doubts
    assert "the folder bias does" in doubts
    assert "IMAGETYP = ARC is not known here" in doubts


@pytest.mark.parametrize("packed", [False, True])
def test_types_are_read_where_the_image_is(tmp_path, capsys, packed):
    """As astropy writes an image behind an empty header of the file, packed or not."""
    camera = Camera(tmp_path / "behind", 27)
    camera.night(*IRAF, INSTRUME="BEHIND")
    for path in [camera.folder / f"{name}.fits" for name in ("b1", "f1", "s")]:
        with fits.open(path) as hdus:
            image = (fits.CompImageHDU if packed else fits.ImageHDU)(hdus[0].data, hdus[0].header)
            fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
    text, doubts, _, told = drafted(camera.folder, capsys)
    for name, purpose in (("b", "bias"), ("f", "dome")):
        for number in (0, 1):
            assert f"{name}{number}.fits: BEHIND, {purpose}, " in told
    assert "s.fits: BEHIND, science, " in told
    assert all("IMAGETYP" in rule for rule in text["purpose"])
    assert "everything else" not in doubts


def test_a_file_without_a_type_is_left_to_its_owner(tmp_path, capsys):
    """Where a card tells the type, what has none is no frame of the sky."""
    camera = Camera(tmp_path / "without", 28)
    camera.night(*IRAF, INSTRUME="WITHOUT")
    camera.write("x.fits", 0.0, INSTRUME="WITHOUT", EXPTIME=0.0, **date(6))
    assert main(["instrument", "new", str(camera.folder)]) == 1
    told = capsys.readouterr()
    assert "no rule takes x.fits, without IMAGETYP" in told.out
    assert "IMAGETYP is missing fits no [[purpose]] of WITHOUT" in told.out + told.err


def test_a_damaged_file_among_others_is_passed_over_by_name(tmp_path, capsys):
    camera = Camera(tmp_path / "cut", 31)
    camera.night(*IRAF, INSTRUME="CUT")
    broken = tmp_path / "cut" / "f1.fits"
    broken.write_bytes(broken.read_bytes()[:20_000])
    (tmp_path / "cut" / "notes.fits").write_text("not a FITS file")
    assert main(["instrument", "new", str(tmp_path / "cut")]) == 1
    told = capsys.readouterr().out
    assert "5 right, 2 refused" in told
    assert tomllib.loads(Path(told.partition(":")[0]).read_text())["name"] == "CUT"
    doubts = [line for line in told.splitlines() if line.startswith("  doubt: passed over")]
    assert len(doubts) == 2
    assert "f1.fits" in doubts[0]
    assert "notes.fits is not a FITS file" in doubts[1]
    (tmp_path / "alone").mkdir()
    broken.rename(tmp_path / "alone" / "f1.fits")
    assert main(["instrument", "new", str(tmp_path / "alone")]) == 1
    assert "f1.fits" in capsys.readouterr().err


def test_what_cannot_be_drafted_is_refused_by_name(tmp_path, capsys, home):
    camera = Camera(tmp_path / "one", 18)
    cards = {"IMAGETYP": "object", "EXPTIME": 1.0, "FILTER": "R", **date(1)}
    first = camera.write("a.fits", INSTRUME="ONE", **cards)
    second = camera.write("b.fits", INSTRUME="TWO", **cards)
    nameless = camera.write("c.fits", **cards)
    strange = camera.write("f.fits", NR=7, GERAET="Zwilling-2", **cards)
    several = camera.write("d.fits", INSTRUME="SIX", extensions=[{}, {}], **cards)
    known = camera.write("e.fits", INSTRUME="OMEGACAM", **cards)

    def refused(*given):
        assert main(["instrument", "new", *map(str, given)]) == 1
        assert not list((home / "instruments").glob("*")) or given[0] == first
        return capsys.readouterr().err

    assert "INSTRUME is ONE and TWO in these files: give those of one" in refused(first, second)
    assert "no card tells whose frames these are" in refused(nameless)
    assert main(["instrument", "new", str(strange), "--print"]) == 0
    drafted = capsys.readouterr().out
    assert 'GERAET = ["Zwilling-2"]' in drafted
    assert "doubt: INSTRUME does not tell; is GERAET that of this camera alone?" in drafted
    assert "no card tells which chip each is" in refused(several)
    assert "OMEGACAM has such frames already" in refused(known)
    assert "--name" in refused(several, "--name", "9 lives")
    assert main(["instrument", "new", str(first), "--print"]) == 0
    assert 'name = "ONE"' in capsys.readouterr().out
    assert not (home / "instruments").exists()
    assert main(["instrument", "new", str(first)]) == 0
    capsys.readouterr()
    assert "ONE has such frames already, described in" in refused(first)
    (home / "instruments" / "two.toml").write_text("")
    assert main(["instrument", "new", str(second)]) == 1
    assert "TWO is described already; choose --name" in capsys.readouterr().err


def test_a_stranger_in_a_header_stays_text(tmp_path, capsys):
    """What a header says becomes text of the description, never its structure."""
    camera = Camera(tmp_path / "odd", 19)
    odd = 'x" ]\\n = [1]* #'
    camera.write("a.fits", INSTRUME=odd, IMAGETYP="object", EXPTIME=1.0, FILTER=odd,
                 OBJECT=odd, TELESCOP=odd, **date(1))  # fmt: skip
    text, _, made, _ = drafted(camera.folder, capsys)
    assert set(text) == {
        "name", "telescope", "pixel_scale", "recognise", "site", "chip", "filters", "cards",
        "purpose",
    }  # fmt: skip
    assert made.telescope == odd
    assert list(made.filters.values()) == ["X_N_1_x_n_1"]


@real
def test_kast_has_two_amplifiers_with_a_strip_each(capsys):
    _, doubts, made, told = drafted(REAL / "kast_lick_raw", capsys, "--name", "KASTB")
    assert told.endswith(f"3 right, 0 refused, {len(set(doubts.splitlines()))} doubt(s)\n")
    chip = made.chip("KASTB_1")
    assert chip.geometry.active == "[1:2048,1:350]"
    first, second = chip.amplifiers
    assert (first.active, second.active) == ("[1:1024,1:350]", "[1025:2048,1:350]")
    # the first and the last column of the strips are 8 and 12 ADU below the others
    assert (first.overscan_x, second.overscan_x) == ("[2050:2080,1:350]", "[2081:2111,1:350]")
    assert [first.bias_level, second.bias_level] == pytest.approx([945.1, 966.4], abs=1)
    assert 2.6 < first.read_noise / first.gain < 3.5
    assert "gain is made up" in doubts


@real
def test_ste3_has_the_sections_of_its_cards_and_the_noise_of_its_strip(capsys):
    _, doubts, made, _ = drafted(REAL / "saao_ste3_raw", capsys, "--name", "STE3_CCD")
    chip = made.chip("STE3_CCD_1")
    assert (chip.geometry.active, chip.geometry.prescan_x) == ("[17:528,1:520]", "[4:13,1:520]")
    assert (chip.gain, chip.bias_level, made.utc_offset) == (1.9, 214, 2)
    assert chip.read_noise == pytest.approx(5.8, abs=0.1)
    assert "RDNOISE says 5 electron" in doubts


CMOS = {"INSTRUME": "ZWO ASI533MM Pro", "XPIXSZ": 3.76}


@pytest.mark.parametrize(
    ("word", "first", "second"),
    [("GAIN", 100, 200), ("GAIN", 0, 1), ("READOUTM", "Normal", "Fast"), ("GAIN", 1.0, 2.0)],
)
def test_files_of_two_settings_have_it_as_read_mode(tmp_path, capsys, word, first, second):
    camera = Camera(tmp_path / "cmos", 21)
    camera.night(*IRAF, **CMOS, **{word: first})
    camera.write("t.fits", 300, **CMOS, **IRAF[2], **date(7), **{word: second})
    text, doubts, made, _ = drafted(camera.folder, capsys)
    assert text["cards"]["read_mode"] == word
    assert f"{word} is {first!r}, {second!r}: frames take calibrations of their own" in doubts
    for file, mode in (("s.fits", first), ("b0.fits", first), ("t.fits", second)):
        header = fits.getheader(camera.folder / file)
        shown = f"{mode:.0f}" if isinstance(mode, float) else str(mode)
        assert made.translate(header, header)["read_mode"] == shown


def test_two_settings_that_change_are_the_read_mode_together(tmp_path, capsys):
    camera = Camera(tmp_path / "cmos", 21)
    camera.night(*IRAF, **CMOS, GAIN=100, READOUTM="Normal")
    for minute, (gain, mode) in enumerate([(200, "Normal"), (100, "Fast")], 7):
        setting = {**CMOS, "GAIN": gain, "READOUTM": mode}
        camera.write(f"t{minute}.fits", 300, **setting, **IRAF[2], **date(minute))
    text, doubts, made, _ = drafted(camera.folder, capsys)
    assert text["cards"]["read_mode"] == {"together": ["GAIN", "READOUTM"]}
    assert "GAIN is 100, 200; READOUTM is 'Normal', 'Fast': frames take calibr" in doubts
    for file, mode in (("s", "GAIN=100 READOUTM=Normal"), ("t7", "GAIN=200 READOUTM=Normal"),
                       ("t8", "GAIN=100 READOUTM=Fast")):  # fmt: skip
        header = fits.getheader(camera.folder / f"{file}.fits")
        assert made.translate(header, header)["read_mode"] == mode


@pytest.mark.parametrize(
    ("cards", "setting"),
    [({"GAIN": 100}, True), ({"GAIN": 0, "EGAIN": 0.9}, True), ({"GAIN": 2}, False),
     ({"GAIN": 1.6}, False), ({"GAIN": 139.0, "EGAIN": 0.9}, True),
     ({"GAIN": 1.0, "EGAIN": 1.0}, False), ({}, False)],
)  # fmt: skip
def test_a_setting_of_the_gain_is_the_read_mode_and_electrons_are_not(
    tmp_path, capsys, cards, setting
):
    camera = Camera(tmp_path / "one", 22)
    camera.night(*IRAF, **CMOS, **cards)
    text, doubts, _, _ = drafted(camera.folder, capsys)
    assert text["cards"].get("read_mode") == ("GAIN" if setting else None)
    assert "of their own only" not in doubts


def test_measured_gains_that_change_are_a_doubt_and_no_mode(tmp_path, capsys):
    camera = Camera(tmp_path / "measured", 23)
    camera.night(*IRAF, **CMOS, GAIN=1.61)
    camera.write("t.fits", 300, **CMOS, **IRAF[2], **date(7), GAIN=1.63)
    text, doubts, _, _ = drafted(camera.folder, capsys)
    assert "read_mode" not in text["cards"]
    assert "GAIN is 1.61, 1.63: if these are modes of reading" in doubts


@real
def test_an_aspen_has_its_scale_and_its_doubtful_longitude(capsys):
    text, doubts, made, told = drafted(REAL / "kelt16_minireduction", capsys)
    # the three masters of the folder are a doubt each
    assert told.count("doubt: COMBINED = True") == 3
    number = len(set(doubts.splitlines())) + 3
    assert told.endswith(f"5 right, 0 refused, {number} doubt(s)\n")
    for purpose in ("bias", "dark", "dome", "science"):
        assert f": ASPENCG16, {purpose}, 2018" in told
    assert "cards do not agree on the longitude: -96.4533, -98.4533" in doubts
    assert made.filters["r"] == "ASPENCG16_r"
    assert made.pixel_scale == pytest.approx(0.57, abs=0.02)
    assert text["window"] == {"x": "XORGSUBF", "y": "YORGSUBF", "first": 0, "binned": True}


def test_light_that_rises_slowly_is_no_strip():
    profile = 1000 + 3.0 * np.arange(400) + np.random.default_rng(1).normal(0, 0.5, 400)
    assert outline.strip(profile, 0.5, least=4, sure=8, even=0.2) == 0
    profile[:23] = 500
    assert outline.strip(profile, 0.5, least=4, sure=8, even=0.2) == 23


def test_stars_and_slopes_are_no_border_of_amplifiers():
    noise = np.random.default_rng(2).normal(0, 0.2, 400)
    profile = 1000 + 0.05 * np.arange(400) + noise
    found, error = outline.jump(profile, 200)
    assert abs(found) < 5 * error
    profile[200:203] += 50
    found, error = outline.jump(profile, 200)
    assert abs(found) < 5 * error
    profile[200:203] -= 50
    profile[200:] += 20
    found, error = outline.jump(profile, 200)
    assert found == pytest.approx(20, abs=6 * error)


def test_full_pixels_pile_up():
    pixels = np.random.default_rng(3).normal(3000, 400, (100, 100)).astype(np.int32)
    assert not outline.top(pixels, least=5, times=20).piled
    end = outline.top(np.minimum(pixels, 3900), least=5, times=20)
    assert (end.piled, end.value, end.step) == (True, 3900, 1)

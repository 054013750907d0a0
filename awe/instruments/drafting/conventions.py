"""How headers are usually written: which cards hold what, and how values are spelled.

Tables only, from the FITS standard and from what observatories and camera programs tell of their
headers in public; the first card of a list that fits is taken.
"""

from __future__ import annotations

__all__ = [
    "AIRMASS", "BANDS", "BINNING", "CHIP", "COMPANIONS", "DATES", "DAYS", "EXPTIME", "FILTER",
    "FULL", "GAIN", "LAMPS", "LATITUDE", "LONGITUDE", "MODES", "NOISE", "NOTHING", "OBJECT",
    "OBSERVER", "OPEN", "PIXEL_SIZE", "RECOGNISE", "SCALE", "SECTIONS", "SITES", "SIZES",
    "SPELLINGS", "STEPS", "STRIP_COUNTS", "TIMES", "TYPE", "WHEEL", "WINDOWS",
]  # fmt: skip

RECOGNISE = (
    "INSTRUME", "ESO INS ID", "CAMERA", "DETECTOR", "VERSION", "DETNAM", "CCDNAME", "CAMNAME",
    "TELESCOP", "SWCREATE", "CREATOR", "ORIGIN",
)  # fmt: skip
#: cards of a date, with or without the time of day
DATES = ("DATE-OBS", "DATE-BEG", "DATE_OBS", "DATEOBS", "UTDATE", "UTC-DATE", "UT-DATE")
TIMES = (
    "TIME-OBS", "UT", "UTC-OBS", "UT-OBS", "UTC", "UTSTART", "UTSHUT", "UTOPEN", "UT-TIME",
    "TIME-BEG", "TIME_OBS", "TIME", "UTCSTART", "EXPSTART", "UTMIDDLE",
)  # fmt: skip
#: card of a count of days -> how the count is called
DAYS = {"MJD-OBS": "MJD", "MJD": "MJD", "MJD_OBS": "MJD", "MJD-BEG": "MJD", "JD-OBS": "JD",
        "JD": "JD"}  # fmt: skip
EXPTIME = (
    "EXPTIME", "EXPOSURE", "EXP_TIME", "EXP-TIME", "EXPOSED", "ITIME", "INTTIME", "TEXPTIME",
    "ELAPTIME", "ESO DET WIN1 DIT1", "ESO DET DIT", "IMG_EXP",
)  # fmt: skip
OBJECT = ("OBJECT", "OBJNAME", "TARGET", "TARGNAME", "OBJECT_N", "ESO OBS TARG NAME", "TITLE")
OBSERVER = ("OBSERVER", "OBSERVERS", "OBSERVERNAME", "ESO OBS OBSERVER")
#: at the begin and at the end
AIRMASS = (("ESO TEL AIRM START", "AIRMASS", "SECZ", "AMSTART", "AIRMSTRT", "AM"),
           ("ESO TEL AIRM END", "AMEND", "AIRMEND"))  # fmt: skip
FILTER = (
    "FILTER", "FILTERS", "FILTNAM", "FILTNAME", "FILTERID", "FILTER_N", "ESO INS FILT1 NAME",
    "ESO INS FILT1 ID", "FILTER1", "FILTER2", "FILTER3", "FILTER01", "FILTER02", "FILT1",
    "FILT2", "INSFILTE", "WFFBAND", "FILTERI", "FLTRNM", "INSFLNAM", "ACAMFILT", "ALFLTNM",
    "BSPLIT_N",
)  # fmt: skip
#: places in a filter wheel, where no card names the filter
WHEEL = ("FILTPOS", "FILTNO", "FILTNUM", "FILTERNO", "FILTINDX", "FILTSLOT", "FWPOS", "FILPOS",
         "WHEELPOS", "FW1POS", "ESO INS FILT1 NO")  # fmt: skip
#: what a wheel without a filter in the beam is called
OPEN = ("open*", "clear*", "empty*", "none", "no filter", "out", "air", "free")
#: what chips are told apart by, within a file or between files
CHIP = (
    "EXTNAME", "CCDNAME", "CCDNUM", "CCDID", "CHIPID", "CHIP", "IMAGEID", "ESO DET CHIP1 ID",
    "ESO DET CHIP ID", "ESO DET CHIP NO", "DETNO", "DET-ID", "CCD_NAME", "EXTVER", "DETSEC",
)  # fmt: skip
#: card with the light-sensitive pixels, card with a strip
SECTIONS = (("TRIMSEC", "DATASEC", "CCDDATA"), ("BIASSEC", "OVERSEC", "PRESEC"))
#: cards with the light-sensitive pixels of the whole chip; the second counts those of a mosaic
SIZES = ("CCDSIZE", "DETSIZE")
#: cards with the first column and row of a window, what they call the first, in binned pixels
WINDOWS = (
    ("XORGSUBF", "YORGSUBF", 0, True), ("ESO DET WIN1 STRX", "ESO DET WIN1 STRY", 1, False),
    ("ESO DET WIN STARTX", "ESO DET WIN STARTY", 1, False),
)  # fmt: skip
#: strip -> card with its width
STRIP_COUNTS = {
    "prescan_x": "ESO DET OUT1 PRSCX", "overscan_x": "ESO DET OUT1 OVSCX",
    "prescan_y": "ESO DET OUT1 PRSCY", "overscan_y": "ESO DET OUT1 OVSCY",
}  # fmt: skip
#: cards with the time from one exposure of a cube to the next [s]
STEPS = ("KCT", "CYCTIME", "CYCLETIM", "FRAMTIME", "ACT")
BINNING = (
    ("XBINNING", "CCDXBIN", "CCDBIN1", "XBIN", "BINX", "ESO DET WIN1 BINX", "CDELT1U", "HBIN",
     "BIN-FCT1"),
    ("YBINNING", "CCDYBIN", "CCDBIN2", "YBIN", "BINY", "ESO DET WIN1 BINY", "CDELT2U", "VBIN",
     "BIN-FCT2"),
)  # fmt: skip
GAIN = ("EGAIN", "GAIN", "CCDGAIN", "ESO DET OUT1 CONAD", "GTGAIN", "EPERDN", "GAINEFF")
#: how the detector is read, the setting of CMOS cameras first
MODES = ("GAIN", "GAINRAW", "ISOSPEED", "READOUTM", "READMODE", "RDMODE", "ESO DET READ MODE")
NOISE = ("RDNOISE", "READNOIS", "RON", "READNOISE", "ESO DET OUT1 RON", "GTRON", "RDNOISE1",
         "ENOISE")  # fmt: skip
#: raw count of full pixels [ADU]
FULL = ("SATURATE", "SATLEVEL", "SATURATI", "SATURAT", "MAXLIN", "SATCNTS")
SCALE = ("SECPIX", "SECPIX1", "PIXSCALE", "PIXSCAL1", "SCALE", "CCDSCALE", "PLATESCL", "PXSCAL1")
#: side of a pixel [micrometre], after binning in the programs that write the first
PIXEL_SIZE = ("XPIXSZ", "PIXSIZE1", "ESO DET CHIP1 PSZX", "PIXSIZE", "CCDPIXSZ", "XPIXELSZ")
LONGITUDE = (
    "SITELONG", "LONG-OBS", "LONGITUD", "OBS-LONG", "OBSLONG", "ESO TEL GEOLON", "GEOLON",
    "OBSGEO-L", "TELLONG", "OBSLON", "LONGITUDE", "SITE-LON",
)  # fmt: skip
LATITUDE = (
    "SITELAT", "LAT-OBS", "LATITUDE", "OBS-LAT", "OBSLAT", "ESO TEL GEOLAT", "GEOLAT",
    "OBSGEO-B", "TELLAT", "SITE-LAT",
)  # fmt: skip
#: spelling of an observatory or a telescope -> time zone, longitude, latitude
SITES = {
    "*paranal*": ("America/Santiago", -70.404, -24.627),
    "eso-vlt*": ("America/Santiago", -70.404, -24.627),
    "*la silla*": ("America/Santiago", -70.734, -29.257),
    "eso*2.2*": ("America/Santiago", -70.734, -29.257),
    "eso*3.6*": ("America/Santiago", -70.734, -29.257),
    "*ctio*": ("America/Santiago", -70.815, -30.165),
    "*campanas*": ("America/Santiago", -70.692, -29.008),
    "*saao*": ("Africa/Johannesburg", 20.81, -32.38),
    "*kpno*": ("America/Phoenix", -111.6, 31.958),
    "*kitt*peak*": ("America/Phoenix", -111.6, 31.958),
    "*lick*": ("America/Los_Angeles", -121.64, 37.34),
    "shane*": ("America/Los_Angeles", -121.64, 37.34),
    "*palomar*": ("America/Los_Angeles", -116.865, 33.356),
    "*mauna*kea*": ("Pacific/Honolulu", -155.47, 19.825),
    "*keck*": ("Pacific/Honolulu", -155.478, 19.828),
    "*cfht*": ("Pacific/Honolulu", -155.469, 19.825),
    "*lapalma*": ("Atlantic/Canary", -17.88, 28.76),
    "*la palma*": ("Atlantic/Canary", -17.88, 28.76),
    "*orm*": ("Atlantic/Canary", -17.88, 28.76),
    "not": ("Atlantic/Canary", -17.885, 28.757),
    "int": ("Atlantic/Canary", -17.878, 28.762),
    "wht": ("Atlantic/Canary", -17.882, 28.761),
    "*calar*alto*": ("Europe/Madrid", -2.546, 37.223),
    "*siding*spring*": ("Australia/Sydney", 149.066, -31.273),
}  # fmt: skip
TYPE = (
    "IMAGETYP", "ESO DPR TYPE", "OBSTYPE", "IMGTYPE", "IMTYPE", "FRAMETYP", "FRAME", "DATA-TYP",
    "EXPTYPE", "OBS-TYPE", "CCDTYPE", "VIMTYPE", "PICTTYPE",
)  # fmt: skip
#: purpose -> its spellings; the first purpose that fits is taken
SPELLINGS = {
    "readnoise": ("*readnoise*", "*read noise*"),
    "bias": ("*bias*", "zero*", "offset*"),
    "dark": ("*dark*",),
    "twilight": ("*sky*flat*", "*flat*sky*", "*twi*flat*", "*flat*twi*", "*twilight*",
                 "*dusk*", "*dawn*"),
    "dome": ("*dome*", "*flat*", "*lamp*flat*"),
    "photom": ("std*", "*standard*", "photom*"),
    "science": ("object*", "*light*", "*science*", "sky", "target*", "expose*", "obj"),
}  # fmt: skip
#: objects that are neither of the sky nor a calibration of awe
LAMPS = ("arc*", "*lamp*", "comp", "comparison*", "focus*", "test*")
#: extensions that go with a frame and are none
COMPANIONS = ("UNCERT", "MASK", "ERR*", "VAR*", "DQ", "WEIGHT*", "*BPM*", "THUMB*")
#: spellings of a filter -> photometric band, and its nominal central wavelength [nm]
BANDS = {
    ("u", "u'", "u_sdss*", "sdss-u*", "sdss u*", "su", "up"): ("u", 355.7),
    ("g", "g'", "g_sdss*", "sdss-g*", "sdss g*", "sg", "gp"): ("g", 482.5),
    ("r", "r'", "r_sdss*", "sdss-r*", "sdss r*", "sr", "rp"): ("r", 626.1),
    ("i", "i'", "i_sdss*", "sdss-i*", "sdss i*", "si", "ip"): ("i", 767.2),
    ("z", "z'", "z_sdss*", "sdss-z*", "sdss z*", "sz", "zp", "zs"): ("z", 909.7),
    ("U", "johnson u*", "bessell u*", "bessel u*", "u/*"): ("U", 365.0),
    ("B", "johnson b*", "bessell b*", "bessel b*", "b/*", "bb#b*"): ("B", 440.0),
    ("V", "johnson v*", "bessell v*", "bessel v*", "v/*", "bb#v*"): ("V", 550.0),
    ("R", "cousins r*", "bessell r*", "bessel r*", "rc", "bb#rc*"): ("R", 658.0),
    ("I", "cousins i*", "bessell i*", "bessel i*", "ic", "bb#i*"): ("I", 806.0),
    ("ha", "h-alpha*", "halpha*", "h_alpha*", "h alpha*"): ("Halpha", 656.3),
    ("oiii", "o3", "[[]oiii]*"): ("OIII", 500.7),
    ("sii", "s2", "[[]sii]*"): ("SII", 672.4),
}  # fmt: skip
#: values of a card that say nothing
NOTHING = ("", "n/a", "na", "null", "unknown", "undefined", "-", "[?]")

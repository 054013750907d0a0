"""Headers of simulated OmegaCAM exposures, with the cards real ones have.

Keywords and conventions are those of ESO's FIERA-era headers; values follow from the plan of the
night and the place of the telescope, the weather is invented. Cards are bytes, ready for a file.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from awe.calib.detector import sections
from awe.demo.plan import PlannedExposure, Window
from awe.demo.sky import Detector
from awe.fits.blocks import Value, card
from awe.instruments import Chip

__all__ = ["airmass", "extension_cards", "primary_cards", "sidereal_time"]

LATITUDE, LONGITUDE, HEIGHT = -24.627, -70.404, 2640.0
DICTIONARY = "ESO-VLT-DIC.TPL-1.9"

Cards = list[tuple[str, Value, str]]


def primary_cards(planned: PlannedExposure, window: Window, chips: int) -> list[bytes]:
    """Return the cards of the primary header, without structure and checksums."""
    cards = (
        _general(planned)
        + _detector(planned, window, chips)
        + _instrument(planned)
        + _observation(planned)
        + _telescope(planned)
    )
    return [card(*item) for item in cards]


def extension_cards(
    planned: PlannedExposure, chip: Chip, detector: Detector, index: int
) -> list[bytes]:
    """Return the cards of one chip's header, without structure and checksums."""
    rows, columns = sections.parse(detector.geometry.active)
    ny, nx = detector.shape
    exposure = planned.exposure
    number = int(chip.name[-2:]) - 65
    scale = exposure.pixel_scale
    ra, dec = _pointing(planned)
    cards: Cards = [
        ("EXTNAME", chip.name, "chip"),
        ("ORIGIN", "ESO", "European Southern Observatory"),
        ("EXPTIME", exposure.exptime, "Total integration time (s)"),
        ("MJD-OBS", _mjd(planned.start), "Obs start"),
        ("DATE-OBS", planned.date_obs, "Date the exposure was started (UTC)"),
        ("CTYPE1", "RA---TAN", "pixel coordinate system"),
        ("CTYPE2", "DEC--TAN", "pixel coordinate system"),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("CRVAL1", ra, "value at reference pixel"),
        ("CRVAL2", dec, "value at reference pixel"),
        ("CRPIX1", round(columns.start + 1 - detector.corner[0], 3), "reference pixel in X"),
        ("CRPIX2", round(rows.start + 1 - detector.corner[1], 3), "reference pixel in Y"),
        ("CD1_1", scale, "east to the right"),
        ("CD1_2", 0.0, ""),
        ("CD2_1", 0.0, ""),
        ("CD2_2", scale, "north up"),
        ("ESO DET CHIP DATE", "2009-01-01", "Date of installation"),
        ("ESO DET CHIP ID", chip.name, "Detector chip identification"),
        ("ESO DET CHIP INDEX", index, "Chip index"),
        ("ESO DET CHIP NAME", "CCD44-82", "Detector chip name"),
        ("ESO DET CHIP NX", 2048, "# of pixels along X"),
        ("ESO DET CHIP NY", 4100, "# of pixels along Y"),
        ("ESO DET CHIP PSZX", 15.0, "Size of pixel in X (micron)"),
        ("ESO DET CHIP PSZY", 15.0, "Size of pixel in Y (micron)"),
        ("ESO DET CHIP X", number % 8 + 1, "X location in array"),
        ("ESO DET CHIP Y", number // 8 + 1, "Y location in array"),
        ("ESO DET CHIP XGAP", 1.5, "Gap between chips along x (mm)"),
        ("ESO DET CHIP YGAP", 5.64, "Gap between chips along y (mm)"),
        ("ESO DET OUT1 CHIP", index, "Chip to which the output belongs"),
        ("ESO DET OUT1 CONAD", chip.gain, "Conversion from ADUs to electrons"),
        ("ESO DET OUT1 GAIN", round(1 / chip.gain, 4), "Conversion from electrons to ADU"),
        ("ESO DET OUT1 ID", "00", "Output ID as from manufacturer"),
        ("ESO DET OUT1 INDEX", 1, "Output index"),
        ("ESO DET OUT1 NAME", "NO1", "Description of output"),
        ("ESO DET OUT1 NX", nx, "valid pixels along X"),
        ("ESO DET OUT1 NY", ny, "valid pixels along Y"),
        ("ESO DET OUT1 OVSCX", detector.geometry.nx - columns.stop, "Overscan region in X"),
        ("ESO DET OUT1 OVSCY", detector.geometry.ny - ny, "Overscan region in Y"),
        ("ESO DET OUT1 PRSCX", columns.start, "Prescan region in X"),
        ("ESO DET OUT1 PRSCY", 0, "Prescan region in Y"),
        ("ESO DET OUT1 RON", chip.read_noise, "Readout noise per output (e-)"),
        ("ESO DET OUT1 X", 1, "X location of output"),
        ("ESO DET OUT1 Y", 4100 if chip.read_at_top else 1, "Y location of output"),
    ]
    return [card(*item) for item in cards]


def sidereal_time(moment: datetime) -> float:
    """Return the local sidereal time at the telescope [s] for a moment in UTC.

    References
    ----------
    Meeus 1998, Astronomical Algorithms, equation 12.4 (without the small terms).
    """
    days = _mjd(moment) - 51544.5
    degrees = 280.46061837 + 360.98564736629 * days + LONGITUDE
    return round(degrees % 360 * 240, 3)


def _mjd(moment: datetime) -> float:
    return round((moment - datetime(1858, 11, 17)) / timedelta(days=1), 8)


def _seconds(moment: datetime) -> float:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment - midnight).total_seconds()


def _pointing(planned: PlannedExposure) -> tuple[float, float]:
    """Where the axis points: the target, or the zenith for calibrations."""
    if planned.exposure.kind == "science":
        ra, dec = planned.exposure.centre
        east, north = planned.astray
        ra += east / 3600 / float(np.cos(np.radians(dec)))
        return round(ra, 7), round(dec + north / 3600, 7)
    return round(sidereal_time(planned.start) / 240, 5), LATITUDE


def _altitude(planned: PlannedExposure, moment: datetime) -> tuple[float, float]:
    """Altitude and azimuth (from south over west) of the pointing [degree]."""
    ra, dec = np.radians(_pointing(planned))
    hour = np.radians(sidereal_time(moment) / 240) - ra
    latitude = np.radians(LATITUDE)
    # sin(alt) = sin(lat) sin(dec) + cos(lat) cos(dec) cos(H), and from the south towards the west
    # tan(az) = sin(H) / (cos(H) sin(lat) - tan(dec) cos(lat)), with the hour angle H = LST - RA.
    sine = np.sin(latitude) * np.sin(dec) + np.cos(latitude) * np.cos(dec) * np.cos(hour)
    azimuth = np.arctan2(
        np.sin(hour), np.cos(hour) * np.sin(latitude) - np.tan(dec) * np.cos(latitude)
    )
    return float(np.degrees(np.arcsin(sine))), float(np.degrees(azimuth) % 360)


def airmass(planned: PlannedExposure, moment: datetime) -> float:
    """Return the airmass of an exposure at a moment, 1 over the sine of the altitude.

    Parameters
    ----------
    planned : PlannedExposure
        What is exposed.
    moment : datetime
        When, in UTC.
    """
    altitude, _ = _altitude(planned, moment)
    return round(max(1 / float(np.sin(np.radians(altitude))), 1.0), 3)


def _general(planned: PlannedExposure) -> Cards:
    ra, dec = _pointing(planned)
    sequence = f"{planned.number + 1:04d}"
    kind = {"BIAS": "BIAS", "OBJECT": "OBS"}.get(planned.type, "FLAT")
    written = planned.start + timedelta(seconds=planned.exposure.exptime + 42)
    day = planned.start.timetuple().tm_yday
    return [
        ("ORIGIN", "ESO", "European Southern Observatory"),
        ("DATE", written.isoformat(timespec="seconds"), "Date this file was written"),
        ("TELESCOP", "ESO-VST", "ESO Telescope Name"),
        ("INSTRUME", "OMEGACAM", "Instrument used"),
        ("OBJECT", planned.object, "Target designation"),
        ("RA", ra, "RA (J2000) pointing (deg)"),
        ("DEC", dec, "DEC (J2000) pointing (deg)"),
        ("EQUINOX", 2000.0, "Standard FK5 (years)"),
        ("RADECSYS", "FK5", "FK5"),
        ("EXPTIME", planned.exposure.exptime, "Total integration time (s)"),
        ("MJD-OBS", _mjd(planned.start), "Obs start"),
        ("DATE-OBS", planned.date_obs, "Date the exposure was started (UTC)"),
        ("UTC", _seconds(planned.start), "UTC at start (sec)"),
        ("LST", sidereal_time(planned.start), "LST at start (sec)"),
        ("PI-COI", "UNKNOWN", "Name(s) of proposer(s)"),
        ("OBSERVER", "SIMULATED", "Name of observer"),
        ("ORIGFILE", f"OMEGACAM_IMG_{kind}{day}_{sequence}.fits", "Original File Name"),
        ("ARCFILE", planned.filename, "Archive File Name"),
    ]


def _detector(planned: PlannedExposure, window: Window, chips: int) -> Cards:
    exposure = planned.exposure
    opened = exposure.kind != "bias"
    return [
        ("ESO DET ID", "CCD FIERA - Rev 3.96", "Detector system Id"),
        ("ESO DET CHIPS", chips, "# of chips in detector array"),
        ("ESO DET OUTPUTS", chips, "# of outputs"),
        ("ESO DET EXP NO", 12_000 + planned.number, "Unique exposure ID number"),
        ("ESO DET EXP TYPE", "Normal" if opened else "Dark", "Exposure type"),
        ("ESO DET EXP RDTTIME", 39.9, "image readout time"),
        ("ESO DET READ MODE", "normal", "Readout method"),
        ("ESO DET READ SPEED", "normal", "Readout speed"),
        ("ESO DET READ CLOCK", "ReadSpeed", "Readout clock pattern used"),
        ("ESO DET SHUT TYPE", "Slit", "type of shutter"),
        ("ESO DET SHUT TMOPEN", 0.85, "Time taken to open shutter"),
        ("ESO DET SHUT TMCLOS", 0.85, "Time taken to close shutter"),
        ("ESO DET WIN1 STRX", window.x, "Lower left pixel in X"),
        ("ESO DET WIN1 STRY", window.y, "Lower left pixel in Y"),
        ("ESO DET WIN1 NX", window.nx, "# of pixels along X"),
        ("ESO DET WIN1 NY", window.ny, "# of pixels along Y"),
        ("ESO DET WIN1 BINX", 1, "Binning factor along X"),
        ("ESO DET WIN1 BINY", 1, "Binning factor along Y"),
        ("ESO DET WIN1 DIT1", exposure.exptime, "actual subintegration time"),
        ("ESO DET WIN1 UIT1", exposure.exptime, "user defined subintegration time"),
        ("ESO DET WIN1 DKTM", exposure.exptime + 1.7, "Dark current time"),
    ]


def _instrument(planned: PlannedExposure) -> Cards:
    cards: Cards = [
        ("ESO DPR CATG", planned.category, "Observation category"),
        ("ESO DPR TYPE", planned.type, "Observation type"),
        ("ESO DPR TECH", planned.technique, "Observation technique"),
        ("ESO INS ID", "OMEGACAM/1.0", "Instrument ID"),
        ("ESO INS MODE", "IMG", "Instrument mode used"),
        ("ESO INS FILT1 NAME", planned.filter, "Filter name"),
        ("ESO INS FILT1 ID", "3", "Filter unique id"),
        ("ESO INS FILT1 NO", 3, "Filter wheel position index"),
    ]
    if planned.exposure.kind == "dome":
        cards.append(("ESO INS LAMP1 ID", "FFLS1", "Lamp identification"))
    return cards


def _observation(planned: PlannedExposure) -> Cards:
    begun = planned.template_start - timedelta(seconds=102)
    return [
        ("ESO OBS ID", planned.block, "Observation block ID"),
        ("ESO OBS NAME", planned.block_name, "OB name"),
        ("ESO OBS GRP", "0", "linked blocks"),
        ("ESO OBS PROG ID", "089.A-0000(A)", "ESO program identification"),
        ("ESO OBS PI-COI ID", 0, "ESO internal PI-COI ID"),
        ("ESO OBS PI-COI NAME", "UNKNOWN", "PI-COI name"),
        ("ESO OBS DID", "ESO-VLT-DIC.OBS-1.12", "OBS Dictionary"),
        ("ESO OBS START", begun.isoformat(), "OB start time"),
        ("ESO OBS TARG NAME", planned.object, "OB target name"),
        ("ESO OBS TPLNO", 1, "Template number within OB"),
        ("ESO TPL DID", DICTIONARY, "Data dictionary for TPL"),
        ("ESO TPL ID", planned.template, "Template signature ID"),
        ("ESO TPL NAME", planned.template.replace("_", " "), "Template name"),
        ("ESO TPL PRESEQ", f"{planned.template}.seq", "Sequencer script"),
        ("ESO TPL START", planned.template_start.isoformat(), "TPL start time"),
        ("ESO TPL VERSION", "1.0", "Version of the template"),
        ("ESO TPL NEXP", planned.count, "Number of exposures within template"),
        ("ESO TPL EXPNO", planned.position, "Exposure number within template"),
    ]


def _telescope(planned: PlannedExposure) -> Cards:
    begin = planned.start
    end = begin + timedelta(seconds=planned.exposure.exptime)
    altitude, azimuth = _altitude(planned, begin)
    seeing = round(planned.exposure.fwhm * planned.exposure.pixel_scale * 3600, 2)
    ra, dec = _pointing(planned)
    return [
        ("ESO TEL ID", "v 1.0", "TCS version number"),
        ("ESO TEL ALT", round(altitude, 3), "Tel ALT angle at start (deg)"),
        ("ESO TEL AZ", round(azimuth, 3), "Tel Azimuth at start S=0,W=90"),
        ("ESO TEL AIRM START", airmass(planned, begin), "Airmass at start"),
        ("ESO TEL AIRM END", airmass(planned, end), "Airmass at end"),
        ("ESO TEL AMBI FWHM START", seeing, "Seeing at start"),
        ("ESO TEL AMBI FWHM END", seeing, "Seeing at end"),
        ("ESO TEL AMBI PRES START", 744.2, "Ambient air pressure (hPa)"),
        ("ESO TEL AMBI RHUM", 11.0, "Ambient relative humidity (%)"),
        ("ESO TEL AMBI TEMP", 11.8, "Ambient temperature (deg C)"),
        ("ESO TEL AMBI WINDDIR", 352.0, "Ambient wind direction (deg)"),
        ("ESO TEL AMBI WINDSP", 6.1, "Ambient wind speed (m/s)"),
        ("ESO TEL GEOELEV", HEIGHT, "Elevation above sea level (m)"),
        ("ESO TEL GEOLAT", LATITUDE, "Tel geographic latitude (+=North)"),
        ("ESO TEL GEOLON", LONGITUDE, "Tel geographic longitude (+=East)"),
        ("ESO TEL MOON RA", 211.3, "Moon position (deg)"),
        ("ESO TEL MOON DEC", -12.9, "Moon position (deg)"),
        ("ESO TEL TARG ALPHA", ra, "Target alpha (deg)"),
        ("ESO TEL TARG DELTA", dec, "Target delta (deg)"),
        ("ESO TEL ROT", 0.0, "Rotator offset (deg)"),
        ("ESO ADA ABSROT START", 0.0, "Abs rot angle at start (deg)"),
        ("ESO ADA POSANG", 0.0, "Position angle (deg)"),
    ]

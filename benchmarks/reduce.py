"""Reduce of one chip: a competent ccdproc and astroscrappy script beside ours, on the same pixels.

    python -m benchmarks.reduce               one OmegaCAM chip, files in and out, 3 rounds
    python -m benchmarks.reduce --short       a quarter of a chip, one round
    python -m benchmarks.reduce --exposure    32 chips one after the other in 2 processes, files
                                              in and out, against the 40 s of one readout

Raw frame, bias, flat and pixel maps are read from files; image, flags, variance and weight are
written (by the peer: image and mask), as the recipe does it with `awe.fits`. The sides alternate;
medians of CPU and wall time, peak memory in a process of its own, accuracy against the simulated
truth. The peer looks for no tracks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import astropy.io.fits
import numpy as np
from astropy.io.fits import Header

from awe import fits
from awe.calib import cosmic as cosmic_rays
from awe.calib import reduction
from awe.calib.detector import trim
from awe.calib.detector.geometry import ChipGeometry
from awe.calib.flags import PixelFlag
from awe.calib.sky import seeing
from awe.calib.threads import side_by_side
from awe.demo import sky
from benchmarks.alternating import load

#: what the sides write
OUTPUTS = ("science.fits", "weight.fits", "peer.fits")

GAIN = 2.5
READ_NOISE = 5.5


@dataclass(frozen=True)
class Case:
    """One raw frame, its truth and its calibrations."""

    raw: np.ndarray
    truth: sky.Truth
    geometry: ChipGeometry
    calibrations: reduction.Calibrations


def make(short: bool, seed: int) -> Case:
    """Return a simulated exposure of one chip, or of a quarter of it."""
    nx, ny = (1120, 2150) if short else (2144, 4200)
    geometry = ChipGeometry.from_counts(
        nx=nx, ny=ny, prescan_x=48, overscan_x=48, overscan_y=100
    )
    rng = np.random.default_rng(seed)
    chip = sky.make_detector(geometry, rng, gain=GAIN, read_noise=READ_NOISE)
    exposure = sky.SimulatedExposure(
        kind="science", exptime=360, level=500, cosmic_rate=8.0,
        field=sky.make_field((330, -31.2), rng, width=0.3),
        tracks=(sky.Trail(x0=-2000, y0=-2200, x1=500, y1=2500, brightness=10),),
    )
    raw, truth = sky.simulate(exposure, chip, sky.Effects(), rng)
    flat = chip.response * chip.vignetting * chip.illumination
    calibrations = reduction.Calibrations(
        bias=chip.bias, bias_method=6, flat=flat / flat.mean(), hot=chip.hot > 0, cold=chip.cold
    )
    return Case(raw, truth, geometry, calibrations)


def settings(width: float, cosmic: bool = True, tracks: bool = True) -> reduction.Settings:
    """Return the recommended settings for a seeing [pixel]."""
    return reduction.Settings(
        overscan=6, gain=GAIN, read_noise=READ_NOISE / GAIN, exposure_time=360.0,
        saturation_high=60000.0, saturation_low=50.0, bleed_along=3, bleed_beside=1,
        dead_reach=2, minimum_response=0.05, fringe_low=1.5, fringe_high=5.0,
        image_threshold=5.0, background_box=0,
        cosmic=reduction.CosmicSettings(
            sigma=4.0, neighbour_fraction=0.3375,
            sharpness=cosmic_rays.sharpness_limit(width, tested=True), iterations=4,
            groups=34.0, wing_limit=2.7, fwhm=width,
        ) if cosmic else None,
        satellite=reduction.SatelliteSettings(threshold=6.5, binning=4, minimum_length=300.0)
        if tracks else None,
    )


def store(case: Case, folder: Path) -> None:
    """Write the raw frame and its calibrations."""
    planes = {
        "raw": case.raw, "bias": case.calibrations.bias, "flat": case.calibrations.flat,
        "hot": case.calibrations.hot, "cold": case.calibrations.cold,
    }
    for name, pixels in planes.items():
        fits.write(folder / f"{name}.fits", fits.Image(pixels, Header()), replace=True)


def read(folder: Path) -> list[np.ndarray]:
    """Return raw frame, bias, flat, hot and cold pixels, read side by side as by the recipe."""
    names = ("raw", "bias", "flat", "hot", "cold")
    files = side_by_side([partial(fits.read, folder / f"{name}.fits") for name in names])
    return [image.pixels for image in files]


def write(folder: Path, image, flags, variance, weight) -> None:
    """Write the planes of a reduced frame, both files side by side as the recipe does."""
    extensions = [
        fits.Image(flags, Header([("EXTNAME", "MASK")])),
        fits.Image(variance, Header([("EXTNAME", "UNCERT")])),
    ]
    front = fits.Image(image, Header())
    side_by_side([
        partial(fits.write, folder / "science.fits", extensions, primary=front),
        partial(fits.write, folder / "weight.fits", fits.Image(weight, Header())),
    ])


def ours(case: Case, folder: Path, cosmic: bool = True, tracks: bool = True) -> tuple:
    """Return image, hits, flagged pixels and variance of awe."""
    raw, bias, flat, hot, cold = read(folder)
    calibrations = reduction.Calibrations(
        bias=bias, bias_method=6, flat=flat, hot=hot != 0, cold=cold != 0
    )
    width = seeing.measure(
        trim.trim(raw, case.geometry), threshold=12.0, saturation=60000.0, narrowest=1.5,
        gain=GAIN, bad=calibrations.defects,
    ).flanks if cosmic else 4.0
    done = reduction.reduce(raw, case.geometry, calibrations, settings(width, cosmic, tracks))
    write(folder, done.science, done.flags, done.variance, done.weight)
    return done.science, done.bad(PixelFlag.COSMIC), done.flags != 0, done.variance


def files(case: Case, folder: Path) -> tuple:
    """Read and write what `ours` does, and nothing else."""
    shape = case.calibrations.bias.shape
    read(folder)
    plane = np.zeros(shape, np.float32)
    write(folder, plane, np.zeros(shape, np.uint16), plane, plane)
    return ()


def peer(case: Case, folder: Path, iterations: int) -> tuple:
    """Overscan, trim, bias, flat, cosmic rays as a good user of ccdproc writes them."""
    import astroscrappy
    import ccdproc
    from astropy import units
    from astropy.nddata import CCDData

    raw, bias, flat, hot, cold = (
        astropy.io.fits.getdata(folder / f"{name}.fits")
        for name in ("raw", "bias", "flat", "hot", "cold")
    )
    frame = CCDData(raw.astype(np.float32), unit="adu")
    frame = ccdproc.subtract_overscan(
        frame, fits_section=case.geometry.overscan_x.replace(
            case.geometry.overscan_x.split(",")[1], f"1:{case.geometry.ny}]"
        ), median=False, overscan_axis=1,
    )
    frame = ccdproc.trim_image(frame, fits_section=case.geometry.active)
    frame = ccdproc.subtract_bias(frame, CCDData(bias.astype(np.float32), unit="adu"))
    response = CCDData(flat.astype(np.float32), unit=units.dimensionless_unscaled)
    frame = ccdproc.flat_correct(frame, response, norm_value=1.0)
    bad = (hot != 0) | (cold != 0)
    bad |= raw[: bad.shape[0], 48 : 48 + bad.shape[1]] >= 60000
    data = np.asarray(frame.data, np.float32)
    hits, _ = astroscrappy.detect_cosmics(
        data, inmask=bad, sigclip=4.5, sigfrac=0.3, objlim=5.0, gain=GAIN,
        readnoise=READ_NOISE, satlevel=60000 * GAIN, niter=iterations, sepmed=True,
        cleantype="meanmask",
    )
    astropy.io.fits.HDUList([
        astropy.io.fits.PrimaryHDU(data), astropy.io.fits.ImageHDU((bad | hits).astype(np.uint8)),
    ]).writeto(folder / "peer.fits", overwrite=True, checksum=True)
    return data, hits, bad | hits, None


def clear(folder: Path) -> None:
    """Remove what was written: sides write files of new names."""
    for name in OUTPUTS:
        (folder / name).unlink(missing_ok=True)


def clock(function, case: Case, folder: Path) -> tuple[tuple, float, float]:
    """Return the result, CPU and wall seconds of a side."""
    clear(folder)
    cpu, wall = time.process_time(), time.perf_counter()
    result = function(case, folder)
    return result, time.process_time() - cpu, time.perf_counter() - wall


def resident(key: str) -> float:
    """Return memory of this process [MiB] from /proc: VmRSS now, VmHWM the highest since reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def accuracy(case: Case, result: tuple) -> str:
    """Return completeness and purity [per cent], rms residual [ADU] and chi-square as text."""
    data, hits, bad, variance = result
    truth = case.truth.expected / case.calibrations.flat
    hit = case.truth.hit(3.0) & ~(case.calibrations.hot | case.calibrations.cold)
    complete = hits[hit].mean()
    pure = (case.truth.cosmic > 0)[hits].mean()
    good = ~bad & (case.truth.cosmic == 0) & (case.truth.track < 0.5)
    text = f"{100 * complete:6.1f} {100 * pure:6.1f} {(data - truth)[good].std():7.2f}"
    if variance is not None:
        text += f" {((data - truth)[good] ** 2 / variance[good]).mean():7.4f}"
    return text


SIDES = {
    "ours": lambda case, folder: ours(case, folder),
    "ours, no tracks": lambda case, folder: ours(case, folder, True, False),
    "ours, arithmetic": lambda case, folder: ours(case, folder, False, False),
    "our files alone": files,
    "ccdproc, 1 iteration": lambda case, folder: peer(case, folder, 1),
    "ccdproc, 4 iterations": lambda case, folder: peer(case, folder, 4),
}


def _chip(task: tuple[int, Case, Path]) -> tuple[float, float]:
    """Reduce one chip in a folder of its own; returns CPU seconds and peak memory [MiB]."""
    number, case, folder = task
    place = folder / str(number % 4)
    clear(place)
    before = time.process_time()
    ours(case, place)
    return time.process_time() - before, resident("VmHWM")


def exposure(case: Case, chips: int, folder: Path) -> None:
    """Print wall and CPU time of a whole exposure in two processes, and their memory."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    for number in range(4):
        (folder / str(number)).mkdir(exist_ok=True)
        store(case, folder / str(number))
    small = Case(np.zeros((0, 0)), None, case.geometry, None)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        # interpreters started and kernels loaded, as in a standing DPU
        list(pool.map(_chip, [(k, small, folder) for k in range(4)]))
        start = time.perf_counter()
        done = list(pool.map(_chip, [(k, small, folder) for k in range(chips)]))
        wall = time.perf_counter() - start
    cpu = sum(seconds for seconds, _ in done)
    print(f"{chips} chips: wall {wall:.1f} s (one readout takes 40 s), CPU {cpu:.1f} s = "
          f"{cpu / chips:.2f} s per chip; peak memory of a process {done[3][1]:.0f} MiB after "
          f"4 chips, {max(size for _, size in done):.0f} MiB after all; {load()}")


def main() -> None:
    """Run the sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a quarter of a chip, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=4711)
    parser.add_argument("--exposure", action="store_true", help="a whole exposure")
    parser.add_argument("--chips", type=int, default=32)
    parser.add_argument("--memory", choices=list(SIDES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    case = make(options.short, options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store(case, folder)
        if options.exposure:
            exposure(case, options.chips, folder)
        elif options.memory:
            memory(case, folder, options.memory)
        else:
            compare(case, folder, options)


def memory(case: Case, folder: Path, side: str) -> None:
    """Print the memory [MiB] one side takes beyond what the process had before."""
    small = make(True, 1)
    store(small, folder)
    SIDES[side](small, folder)
    clear(folder)
    store(case, folder)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    result = SIDES[side](case, folder)
    print(f"{resident('VmHWM') - before:.0f}")
    del result


def compare(case: Case, folder: Path, options: argparse.Namespace) -> None:
    """Run the sides in turn and print the table."""
    rounds = 1 if options.short else options.rounds
    for name in ("ours", "ours, arithmetic"):
        clock(SIDES[name], case, folder)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    scores = {}
    for _ in range(rounds):
        for name, side in SIDES.items():
            result, cpu, wall = clock(side, case, folder)
            times[name].append((cpu, wall))
            plain = "arith" in name or "alone" in name
            scores[name] = "" if plain else accuracy(case, result)
            del result
    reference = np.median(times["ours"], axis=0)
    print(load())
    print(f"{'':22} {'CPU s':>7} {'wall s':>7} {'ratio':>6} {'wall':>6} {'MiB':>5} "
          f"{'compl':>6} {'pure':>6} {'rms':>7} {'chi2':>7}")
    for name, values in times.items():
        cpu, wall = np.median(values, axis=0)
        size = subprocess.run(
            [sys.executable, "-m", "benchmarks.reduce", "--memory", name, "--seed",
             str(options.seed), *(["--short"] if options.short else [])],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        print(f"{name:22} {cpu:7.3f} {wall:7.3f} {cpu / reference[0]:6.1f} "
              f"{wall / reference[1]:6.1f} {size:>5} {scores[name]}", flush=True)


if __name__ == "__main__":
    main()

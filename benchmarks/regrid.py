"""Frames on a new grid, from files to files: time, flux and holes beside SWarp and reproject.

python -m benchmarks.regrid            one frame of 2048 x 4100 pixels, sides in turns
python -m benchmarks.regrid --short    the same with fewer turns, without reproject
python -m benchmarks.regrid --coadd    five dithered frames brought to a grid and added
SWarp is the package `swarp` of Debian; without it, or reproject, their rows are left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from awe.calib import threads
from awe.calib.coaddition import Combine, Layer, coadd
from awe.calib.resample import Kernel, mapping, regrid
from benchmarks.alternating import load, table

SHAPE = (4100, 2048)
SKY, GAIN, NOISE = 420.0, 2.5, 13.1
TARGET = (149.9, -5.1)
FWHM = 3.8


def header(shift: tuple[float, float] = (0.0, 0.0)) -> fits.Header:
    """Return the header of a chip with cubic distortion, 0.2132 arcsec a pixel."""
    side = 0.2132 / 3600
    values: dict[str, Any] = {
        "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CUNIT1": "deg", "CUNIT2": "deg",
        "CRVAL1": 150.0 + shift[0] / 3600, "CRVAL2": -5.0 + shift[1] / 3600,
        "CRPIX1": -900.0, "CRPIX2": 3000.0, "CD1_1": -side, "CD1_2": 1e-8, "CD2_1": 1e-8,
        "CD2_2": side, "PV1_0": 0.0, "PV1_1": 1.0, "PV1_2": 0.0, "PV1_7": 0.02, "PV2_0": 0.0,
        "PV2_1": 1.0, "PV2_2": 0.0, "PV2_7": 0.02,
    }  # fmt: skip
    return fits.Header(list(values.items()))


def field(rng: np.random.Generator, number: int = 1500) -> tuple[Any, Any, Any]:
    """Return right ascension, declination and counts of stars over the chip and around it."""
    wcs = WCS(header())
    x = rng.uniform(-300, SHAPE[1] + 300, number)
    y = rng.uniform(-300, SHAPE[0] + 300, number)
    ra, dec = wcs.all_pix2world(x, y, 0)
    return ra, dec, 10 ** rng.uniform(3.2, 5.2, number)


def light(wcs: WCS, stars: tuple[Any, Any, Any], fwhm: float = FWHM) -> np.ndarray:
    """Return the light of gaussian stars on a chip, without sky or noise."""
    image = np.zeros(SHAPE)
    s = fwhm / 2.3548
    reach = 14
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for x, y, counts in zip(*wcs.all_world2pix(stars[0], stars[1], 0), stars[2], strict=True):
        i, j = round(x), round(y)
        if not (reach <= i < SHAPE[1] - reach and reach <= j < SHAPE[0] - reach):
            continue
        r2 = (columns + i - x) ** 2 + (rows + j - y) ** 2
        image[j - reach : j + reach + 1, i - reach : i + reach + 1] += (
            counts * np.exp(-r2 / (2 * s * s)) / (2 * np.pi * s * s)
        )
    return image


def write(folder: Path, rng: np.random.Generator, stars: Any, name: str, shift: Any) -> None:
    """Write one exposure and its weight, with 0.2 % bad pixels and a bad column."""
    head = header(shift)
    image = light(WCS(head), stars) + SKY
    image = rng.normal(image, np.sqrt(NOISE**2 + np.maximum(image - SKY, 0) / GAIN))
    weight = np.ones(SHAPE, np.float32)
    weight[rng.random(SHAPE) < 0.002] = 0
    weight[:, 777] = 0
    image[weight == 0] = 3e4
    fits.writeto(folder / f"{name}.fits", image.astype(np.float32), head, overwrite=True)
    fits.writeto(folder / f"{name}.weight.fits", weight, head, overwrite=True)


def grid(ratio: float = 0.2) -> tuple[WCS, tuple[int, int]]:
    """Return the grid everything goes to, and its size."""
    out = WCS(naxis=2)
    out.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    out.wcs.crval = list(TARGET)
    side = ratio / 3600
    out.wcs.cdelt = [-side, side]
    x, y = WCS(header()).all_pix2world([(SHAPE[1] - 1) / 2], [(SHAPE[0] - 1) / 2], 0)
    out.wcs.crpix = [1.0, 1.0]
    out.wcs.set()
    px, py = out.all_world2pix(x, y, 0)
    nx, ny = 2240, 4480
    out.wcs.crpix = [1 + nx // 2 - round(px[0]), 1 + ny // 2 - round(py[0])]
    out.wcs.set()
    return out, (ny, nx)


def place(head: fits.Header, out: WCS, shape: tuple[int, int]) -> Any:
    """Return where the pixels of the grid fall on a frame."""
    old = WCS(head)
    return mapping(
        lambda x, y: old.all_world2pix(*out.all_pix2world(x, y, 0), 0), shape, tolerance=0.002
    )


def ours(
    folder: Path, name: str, out: WCS, shape: tuple[int, int], kernel: Kernel, *,
    keep: bool = True,
) -> Any:  # fmt: skip
    """Return a frame on the grid as awe makes it: two files in, two files out if kept."""
    with fits.open(folder / f"{name}.fits", memmap=False) as file:
        image, head = file[0].data.astype(np.float32), file[0].header
    weight = fits.getdata(folder / f"{name}.weight.fits", memmap=False).astype(np.float32)
    flags = np.where(weight > 0, 0, 16).astype(np.uint16)
    made = regrid(
        image, np.full(SHAPE, NOISE**2, np.float32), flags, weight, place(head, out, shape),
        kernel=kernel,
    )  # fmt: skip
    if not keep:
        return made
    cards = out.to_header()
    fits.writeto(folder / "out.fits", made.image, cards, overwrite=True)
    fits.writeto(folder / "out.weight.fits", made.weight, cards, overwrite=True)
    return made


def swarp(folder: Path, names: list[str], out: WCS, shape: tuple[int, int], *more: str) -> Path:
    """Run SWarp in an empty folder of its own and return that; the grid comes from a .head."""
    work = folder / "swarp"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    head = out.to_header()
    side = abs(out.wcs.cdelt[0])
    full = fits.Header([("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", shape[1]),
                        ("NAXIS2", shape[0])])  # fmt: skip
    for key in ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
        full[key] = head[key]
    full.update({"CD1_1": -side, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": side})
    (work / "c.head").write_text(full.tostring(sep="\n", endcard=True))
    command = [
        "SWarp", *(str(folder / f"{name}.fits") for name in names), "-RESAMPLE_DIR", str(work),
        "-SUBTRACT_BACK", "N", "-NTHREADS", "1", "-WEIGHT_TYPE", "MAP_WEIGHT", "-WRITE_XML", "N",
        "-VERBOSE_TYPE", "QUIET", "-IMAGEOUT_NAME", str(work / "c.fits"), "-WEIGHTOUT_NAME",
        str(work / "c.weight.fits"), "-FSCALASTRO_TYPE", "VARIABLE", *more,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, cwd=work, timeout=600)
    return work


def cpu() -> float:
    """Return the CPU seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_turns(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the median CPU seconds of each way, children included, sides in turns."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            before = cpu()
            way()
            if turn:
                found[name].append(cpu() - before)
    return {name: float(np.median(times)) for name, times in found.items()}


def sums(image: np.ndarray, x: Any, y: Any, radius: float) -> np.ndarray:
    """Return the light within a radius of places [pixel]."""
    reach = int(radius) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    found = []
    for a, b in zip(x, y, strict=True):
        i, j = round(float(a)), round(float(b))
        box = image[j - reach : j + reach + 1, i - reach : i + reach + 1].astype(float)
        inside = (columns + i - a) ** 2 + (rows + j - b) ** 2 < radius**2
        found.append(box[inside].sum())
    return np.array(found)


def fluxes(folder: Path, out: WCS, shape: tuple[int, int], with_swarp: bool) -> list[Any]:
    """Return the scatter of the flux of noise-free stars, by width and kernel."""
    rng = np.random.default_rng(7)
    ra, dec, _ = field(rng, 10)
    x, y = np.meshgrid(np.arange(60.0, 2000, 60), np.arange(60.0, 4050, 60))
    x, y = (part.ravel() + rng.uniform(-0.5, 0.5, part.size) for part in (x, y))
    ra, dec = WCS(header()).all_pix2world(x, y, 0)
    stars = ra, dec, np.full(ra.size, 1e5)
    nx, ny = out.all_world2pix(ra, dec, 0)
    inside = (nx > 40) & (ny > 40) & (nx < shape[1] - 40) & (ny < shape[0] - 40)
    rows = []
    one = np.ones(SHAPE, np.float32)
    for fwhm in (2.0, 3.0, 3.8, 5.0):
        image = light(WCS(header()), stars, fwhm).astype(np.float32)
        for kernel in (Kernel.CUBIC, Kernel.LANCZOS3, Kernel.LANCZOS4):
            made = regrid(
                image, one, np.zeros(SHAPE, np.uint16), one, place(header(), out, shape),
                kernel=kernel,
            )  # fmt: skip
            rows.append((f"{fwhm}", f"awe {kernel}", sums(np.nan_to_num(made.image), nx[inside],
                                                          ny[inside], 15.0) / 1e5))  # fmt: skip
        if with_swarp:
            fits.writeto(folder / "pure.fits", image, header(), overwrite=True)
            fits.writeto(folder / "pure.weight.fits", one, header(), overwrite=True)
            work = swarp(folder, ["pure"], out, shape, "-COMBINE", "Y", "-COMBINE_TYPE",
                         "WEIGHTED", "-RESAMPLING_TYPE", "LANCZOS3")  # fmt: skip
            made_by = fits.getdata(work / "c.fits")
            rows.append((f"{fwhm}", "SWarp LANCZOS3",
                         sums(made_by, nx[inside], ny[inside], 15.0) / 1e5))  # fmt: skip
    return [
        (fwhm, name, f"{np.sqrt(np.mean((r - 1) ** 2)):.1e}", f"{np.abs(r - 1).max():.1e}")
        for fwhm, name, r in rows
    ]


def peers(folder: Path, out: WCS, shape: tuple[int, int]) -> dict[str, Callable[[], Any]]:
    """Return the ways of reproject, where it is installed."""
    try:
        from reproject import reproject_interp
    except ImportError:
        return {}

    def bicubic() -> None:
        image, head = fits.getdata(folder / "f0.fits"), fits.getheader(folder / "f0.fits")
        weight = fits.getdata(folder / "f0.weight.fits")
        for plane, order in ((image, "bicubic"), (weight, "bilinear")):
            made, _ = reproject_interp((plane, WCS(head)), out, shape_out=shape, order=order)
            fits.writeto(folder / "peer.fits", made.astype(np.float32), overwrite=True)

    return {"reproject bicubic, weight too": bicubic}


def one_frame(folder: Path, repeats: int, slow: bool) -> None:
    """Print the tables of one frame."""
    out, shape = grid()
    has = shutil.which("SWarp") is not None
    # compiled before it is timed
    made = ours(folder, "f0", out, shape, Kernel.CUBIC)
    ways: dict[str, Callable[[], Any]] = {
        "awe CUBIC": lambda: ours(folder, "f0", out, shape, Kernel.CUBIC),
        "awe LANCZOS3": lambda: ours(folder, "f0", out, shape, Kernel.LANCZOS3),
    }
    if has:
        ways["SWarp LANCZOS3"] = lambda: swarp(
            folder, ["f0"], out, shape, "-COMBINE", "N", "-RESAMPLING_TYPE", "LANCZOS3"
        )
    times = in_turns(ways, repeats)
    if slow:
        times |= in_turns(peers(folder, out, shape), 1)
    first = times["awe CUBIC"]
    rows = [(name, f"{t:.2f}", f"{t / first:.1f}") for name, t in times.items()]
    print(table(("one frame, files to files", "CPU s", "to ours"), rows), "\n")
    bare = regrid(
        np.zeros(SHAPE, np.float32), np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.uint16),
        np.ones(SHAPE, np.float32), place(header(), out, shape),
    )  # fmt: skip
    whole = (bare.weight > 0).sum()
    print(f"area lost to 0.2 % bad pixels and a column: {1 - (made.weight > 0).sum() / whole:.4f}")
    if has:
        compared(folder, out, shape, whole)
    print(table(("FWHM [pixel]", "kernel", "rms", "worst"), fluxes(folder, out, shape, has)))


def compared(folder: Path, out: WCS, shape: tuple[int, int], whole: int) -> None:
    """Print how far LANCZOS3 is from SWarp's pixels, and what SWarp loses to bad pixels."""
    work = swarp(folder, ["f0"], out, shape, "-COMBINE", "N", "-RESAMPLING_TYPE", "LANCZOS3")
    theirs, head = fits.getdata(work / "f0.resamp.fits"), fits.getheader(work / "f0.resamp.fits")
    weight = fits.getdata(work / "f0.resamp.weight.fits")
    mine = ours(folder, "f0", out, shape, Kernel.LANCZOS3)
    x, y = (round(out.wcs.crpix[k] - head[f"CRPIX{k + 1}"]) for k in (0, 1))
    part = np.s_[max(y, 0) : y + theirs.shape[0], max(x, 0) : x + theirs.shape[1]]
    image, good = mine.image[part], (mine.weight[part] > 0)
    cut = np.s_[max(-y, 0) :, max(-x, 0) :]
    theirs, weight = (p[cut][: image.shape[0], : image.shape[1]] for p in (theirs, weight))
    # away from filled pixels, where both use the same pixels
    both = good & (weight > 0) & (mine.flags[part] == 0)
    noise = 1.4826 * np.median(np.abs(image[both] - np.median(image[both])))
    difference = (theirs.astype(float) * head.get("FLXSCALE", 1.0) - image)[both]
    print(f"SWarp loses {1 - (weight > 0).sum() / whole:.4f}")
    print(f"SWarp - awe, LANCZOS3: rms {difference.std() / noise:.4f}, median "
          f"{np.median(difference) / noise:+.5f} of the sky noise {noise:.2f}\n")  # fmt: skip


def added(folder: Path, out: WCS, shape: tuple[int, int], how: Combine) -> Any:
    """Return five frames brought to the grid and added: ten files in, two files out."""
    layers = []
    for number in range(5):
        made = ours(folder, f"f{number}", out, shape, Kernel.CUBIC, keep=False)
        image = np.where(made.weight > 0, made.image, 0)
        layers.append(
            Layer(
                row=0, column=0, shape=shape, noise=10.0, gain=GAIN * made.correlation**2,
                read=lambda rows, image=image, weight=made.weight: (image[rows], weight[rows]),
            )
        )  # fmt: skip
    found = coadd(layers, shape, method=how, sigma=4.0, fraction=0.3)
    cards = out.to_header()
    fits.writeto(folder / "out.fits", found.image, cards, overwrite=True)
    fits.writeto(folder / "out.weight.fits", found.weight, cards, overwrite=True)
    return found.image, found.weight


def judged(image: np.ndarray, weight: np.ndarray, out: WCS, stars: Any) -> tuple[str, ...]:
    """Return noise of the sky and scatter of the flux of isolated stars."""
    from scipy.spatial import cKDTree

    x, y = out.all_world2pix(stars[0], stars[1], 0)
    near = cKDTree(np.c_[x, y]).query(np.c_[x, y], k=2)[0][:, 1]
    ny, nx = image.shape
    chosen = (stars[2] > 8000) & (near > 26)
    chosen &= (x > 300) & (y > 300) & (x < nx - 300) & (y < ny - 300)
    chosen[chosen] = [
        (weight[round(b) - 9 : round(b) + 10, round(a) - 9 : round(a) + 10] > 0).all()
        for a, b in zip(x[chosen], y[chosen], strict=True)
    ]
    clean = np.nan_to_num(image) - np.median(image[weight > 0])
    ratio = sums(clean, x[chosen], y[chosen], 7.0) / stars[2][chosen]
    inside = clean[weight > 0]
    scatter = 1.4826 * np.median(np.abs(ratio - np.median(ratio)))
    noise = 1.4826 * np.median(np.abs(inside))
    return f"{noise:.2f}", f"{np.median(ratio):.4f}", f"{scatter:.5f}", str(int(chosen.sum()))


def several(folder: Path, stars: Any, repeats: int) -> None:
    """Print the table of five dithered frames."""
    out, shape = grid()
    has = shutil.which("SWarp") is not None
    names = [f"f{number}" for number in range(5)]
    ways: dict[str, Callable[[], Any]] = {}
    found: dict[str, Any] = {}
    for how in (Combine.WEIGHTED, Combine.CLIPPED, Combine.MEDIAN):
        name = f"awe CUBIC {how}"
        ways[name] = lambda how=how, name=name: found.update(
            {name: added(folder, out, shape, how)}
        )
        if has:
            peer = f"SWarp LANCZOS3 {how}"

            def run(how: Combine = how, peer: str = peer) -> None:
                work = swarp(folder, names, out, shape, "-COMBINE", "Y", "-COMBINE_TYPE", how,
                             "-RESAMPLING_TYPE", "LANCZOS3", "-MEM_MAX", "2048",
                             "-COMBINE_BUFSIZE", "2048")  # fmt: skip
                found[peer] = fits.getdata(work / "c.fits"), fits.getdata(work / "c.weight.fits")

            ways[peer] = run
    times = in_turns(ways, repeats)
    first = times["awe CUBIC WEIGHTED"]
    rows = [
        (name, f"{t:.2f}", f"{t / first:.1f}", *judged(*found[name], out, stars))
        for name, t in times.items()
    ]
    heads = ("five frames, files to files", "CPU s", "to ours", "sky", "flux", "scatter", "stars")
    print(table(heads, rows))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coadd", action="store_true", help="five frames added, only")
    parser.add_argument("--short", action="store_true", help="fewer turns, no reproject")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    threads.narrow(1)
    rng = np.random.default_rng(1)
    stars = field(rng)
    print(load())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.coadd:
            for number, shift in enumerate(((0, 0), (11, 7), (-9, 13), (17, -12), (-14, -8))):
                write(folder, rng, stars, f"f{number}", shift)
            several(folder, stars, 1 if options.short else 3)
            return
        write(folder, rng, stars, "f0", (0.0, 0.0))
        one_frame(folder, 3 if options.short else 7, not options.short)
    print(load())


if __name__ == "__main__":
    main()

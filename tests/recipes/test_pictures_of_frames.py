"""Previews: made once when a frame is stored, shown to who may see the frame, and worth little."""

from __future__ import annotations

import time
import uuid
import zlib

import httpx
import numpy as np
import pytest
from astropy.io.fits import CompImageHDU, Header, PrimaryHDU
from matplotlib import image as pictures

from awe import fits, model
from awe.errors import BadFits, DataserverError, FileGone
from awe.fits import blocks, preview
from tests.recipes.conftest import run


def stored(shared, path):
    frame = model.RawScienceFrame(pathname=path)
    frame.store()
    again = model.RawScienceFrame()
    again.filename, again.file = frame.filename, frame.file
    return again


def written(tmp_path, pixels, **how):
    path = tmp_path / f"p{uuid.uuid4()}.fits"
    fits.write(path, fits.Image(pixels, Header(how)))
    return path


def scene(shape=(600, 500)):
    random = np.random.default_rng(5)
    pixels = random.normal(1000, 20, shape).astype(np.float32)
    pixels[100:130, 200:240] += 3000
    pixels[400:402] = np.nan
    return pixels


def expected(pixels, block):
    ny, nx = pixels.shape
    with np.errstate(all="ignore"):
        return np.array([
            [np.nanmean(pixels[y : y + block, x : x + block]) for x in range(0, nx, block)]
            for y in range(0, ny, block)
        ])  # fmt: skip


def test_a_preview_comes_without_the_frame_and_tells_its_values(shared, tmp_path):
    pixels = scene()
    frame = stored(shared, written(tmp_path, pixels))
    found = frame.preview()
    assert not frame.pathname
    assert found.block == 3
    assert found.grey.shape == (200, 167)
    truth = expected(pixels, 3)
    # a step of grey: of its distance to the median, or of a deviation near it
    step = (np.arcsinh(preview.HIGH) - np.arcsinh(preview.LOW)) / 254
    allowed = step * np.sqrt((truth - found.median) ** 2 + found.sigma**2)
    assert (np.abs(found.values - truth) <= allowed).all()
    assert found.median == pytest.approx(1000, abs=1)
    # any viewer, upside down as pictures are
    path = tmp_path / "p.png"
    path.write_bytes(found.png)
    shown = np.rint(pictures.imread(path) * 255).astype(np.uint8)
    np.testing.assert_array_equal(shown[::-1], found.grey)
    assert found._repr_png_() == found.png


@pytest.mark.parametrize("kind", ["uint16", "scaled", "packed", "one pixel", "flat", "all NaN"])
def test_each_kind_of_image_has_one(shared, tmp_path, kind):
    pixels = np.nan_to_num(scene((900, 2100)), nan=1000)
    if kind == "uint16":
        path = written(tmp_path, pixels.astype(np.uint16))
    elif kind == "scaled":
        path = tmp_path / f"p{uuid.uuid4()}.fits"
        scaled = PrimaryHDU(pixels)
        scaled.scale("int16", bscale=10.0, bzero=5.0)
        scaled.writeto(path)
    elif kind == "packed":
        path = tmp_path / f"p{uuid.uuid4()}.fits.fz"
        CompImageHDU(pixels.astype(np.int16), compression_type="RICE_1").writeto(path)
    else:
        pixels = {"one pixel": np.ones((1, 1)), "flat": np.full((300, 20), 7.0),
                  "all NaN": np.full((20, 20), np.nan)}[kind]  # fmt: skip
        path = written(tmp_path, pixels.astype(np.float32))
    found = stored(shared, path).preview()
    assert len(found.png) < preview.LARGEST
    if kind == "all NaN":
        assert np.isnan(found.values).all()
    else:
        median = np.median(pixels)
        assert found.median == pytest.approx(median, rel=0.01)
        assert np.nanmedian(found.values) == pytest.approx(median, rel=0.02)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f4", "f8"])
def test_of_bytes_in_memory_it_is_that_of_their_file(tmp_path, dtype):
    pixels = np.nan_to_num(scene((300, 700)) / 20, nan=50).astype(dtype)
    path = written(tmp_path, pixels)
    content = path.read_bytes()
    end = blocks.header_end(content)
    of_file = preview.of_file(path)
    assert preview.of_bytes(content[:end], memoryview(content)[end:]).png == of_file.png
    assert of_file.median == pytest.approx(50, abs=1)
    assert preview.of_bytes(content[:end], content[end : end + 1000]) is None
    assert preview.of_bytes(b"END".ljust(2880), content[end:]) is None


def test_what_is_not_an_image_has_none_and_is_stored(shared, tmp_path):
    path = tmp_path / f"t{uuid.uuid4()}.fits"
    path.write_bytes(b"SIMPLE  = no fits")
    frame = stored(shared, path)
    with pytest.raises(BadFits):
        frame.preview()


def test_of_a_frame_without_one_the_pixels_are_fetched(shared, tmp_path):
    pixels = scene()
    frame = stored(shared, written(tmp_path, pixels))
    store = shared.folder / "files" / "previews"
    path = store / str(frame.file)[:2] / f"{frame.file}.png"
    before = frame.preview()
    path.chmod(0o600)
    for content in (b"", b"\x89PNG\r\n\x1a\n junk", before.png[:60]):
        path.write_bytes(content)
        again = frame.preview()
        np.testing.assert_array_equal(again.grey, before.grey)
    path.unlink()
    path.symlink_to("/etc/passwd")
    np.testing.assert_array_equal(frame.preview().grey, before.grey)


def test_raws_of_an_ingest_and_products_have_one(shared):
    from awe.model.data import _client

    products = run("Bias", date=shared.date, chip="ESO_CCD_#65")
    product = products[0]
    product.store()
    found = preview.read(_client().preview(product.file, product.filename), "bias")
    assert found.median == pytest.approx(np.median(product.data), abs=1)


def test_previews_are_under_the_rights_of_their_frame(shared, tmp_path):
    from awe.db.server.tickets import ticket
    from awe.model.data import _client

    frame = stored(shared, written(tmp_path, scene()))
    url = f"{_client().base_url}/file/{frame.file}/preview"
    mine = {"authorization": f"Bearer {ticket()}"}
    answer = httpx.get(url, headers=mine)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    same = httpx.get(url, headers={**mine, "if-none-match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert httpx.get(url).status_code == 404
    absent = httpx.get(url.replace(str(frame.file), str(uuid.uuid4())))
    assert absent.content == httpx.get(url).content
    png = answer.content
    # nobody writes to it again, not even its owner
    assert httpx.put(url, headers=mine, content=png).status_code == 404
    shared.login("student", privileges=1)
    with pytest.raises(FileGone):
        _client().preview(frame.file, "a")
    with pytest.raises(FileGone):
        _client().show(frame.file, "a", png)


HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def bomb():
    """A PNG of the right size whose pixels unpack to 20 MB."""
    good = preview.made_of(np.zeros((10, 10)))
    begin = good.png.index(b"IDAT") - 4
    packer = zlib.compressobj(6)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(20)) + packer.flush()
    chunk = len(packed).to_bytes(4, "big") + b"IDAT" + packed + bytes(4)
    return good.png[:begin] + chunk + good.png[begin:][-12:]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"<html><script>alert(1)</script>", 400), (b"", 400), (bytes(1 << 20), 413),
     (HEAD + b"\xff" * 17, 400), (HEAD, 400)],
    ids=["a page", "nothing", "too much", "too large", "its beginning"],
)  # fmt: skip
def test_what_is_not_a_small_grey_png_is_not_kept(shared, content, status):
    from awe.db.server.connection import database
    from awe.model.data import _client

    file_id = uuid.uuid4()
    statement = "INSERT INTO awe.file (id, filename) VALUES (%s, %s)"
    database.execute(statement, (str(file_id), "a.fits"))
    with pytest.raises(DataserverError, match="preview"):
        _client().show(file_id, "a.fits", content)
    assert not list((shared.folder / "files" / "previews").glob(f"*/{file_id}*"))
    # and once there is one, there is no second
    _client().show(file_id, "a.fits", preview.made_of(np.eye(9)).png)
    with pytest.raises(Exception, match="already"):
        _client().show(file_id, "a.fits", preview.made_of(np.eye(8)).png)


def test_a_preview_that_lies_costs_nothing(shared):
    packed = bomb()
    began = time.thread_time()
    for png in (packed, packed[:200], preview.made_of(np.eye(9)).png.replace(b"sigma", b"sigmo")):
        with pytest.raises(BadFits, match="its preview"):
            preview.read(png, "a.fits")
    assert time.thread_time() - began < 0.1


def test_previews_go_with_their_files(shared, tmp_path):
    from awe.dataserver.authorisation import Permits
    from awe.dataserver.collector import collect
    from awe.dataserver.previews import Previews
    from awe.dataserver.store import Store
    from tests.dataservers import _connection

    frame = stored(shared, written(tmp_path, scene()))
    store = Store(shared.folder / "files", reserve=0)
    previews = Previews(store)
    alone = uuid.uuid4()
    previews.keep(alone, preview.made_of(np.eye(9)).png)
    permits = Permits(_connection(shared.db))
    try:
        collect(store, permits, grace=3600)
        assert previews.path(frame.file).exists()
        assert previews.path(alone).exists()
        # the file is not linked by any object: given up, and later removed
        collect(store, permits, grace=-1)
        assert not previews.path(alone).exists()
        collect(store, permits, grace=-1)
        assert not store.path(frame.file).exists()
        assert not previews.path(frame.file).exists()
    finally:
        permits.close()

"""Pictures as a viewer shows them: orientation, 16-bit grey, transparency; for inputs and in folders for calibration."""

from __future__ import annotations

import logging
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from hwgen.compiler.frontend.calibration import calibration_inputs
from hwgen.compiler.frontend.images import normalise, scaled_image
from hwgen.errors import ModelError
from tests.fuzz.server import READ, REFUSED, Server

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def read(path: Path) -> np.ndarray:
    """A picture at its own size."""
    with Image.open(path) as image:
        width, height = ImageOps.exif_transpose(image).size
    return scaled_image(path, height, width, 3)


def png(path: Path, colour: int, values: list[int], clear: list[int] | None = None) -> Path:
    """One row of pixels, 16 bits a value, in the colour type of the PNG standard; `clear` is the transparent value."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width = len(values) // {0: 1, 2: 3}[colour]
    content = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 16, colour, 0, 0, 0))
    if clear is not None:
        content += chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear))
    content += chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(f">{len(values)}H", *values)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_camera_that_was_turned(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(PIXELS).save(path, exif=exif)
    shown = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, -1),
        7: PIXELS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(PIXELS),
    }[orientation]
    np.testing.assert_array_equal(read(path), shown)


def test_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for exif in (
        b"Exif\0\0MM\0*\0\0",
        b"Exif\0\0nothing",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0",
    ):
        Image.fromarray(PIXELS).save(path, exif=exif)
        np.testing.assert_array_equal(scaled_image(path, 6, 8, 3), PIXELS)


def test_grey_of_16_bits(tmp_path: Path) -> None:
    levels = [0, 200, 257, 1000, 32768, 65535]
    wanted = [round(level / 257) for level in levels]
    path = png(tmp_path / "a.png", 0, levels)
    np.testing.assert_array_equal(scaled_image(path, 1, 6, 1).ravel(), wanted)
    np.testing.assert_array_equal(scaled_image(path, 1, 6, 3)[0, :, 2], wanted)
    tiff = tmp_path / "a.tiff"
    Image.fromarray(np.array([levels], np.uint16)).save(tiff)
    np.testing.assert_array_equal(scaled_image(tiff, 1, 6, 1).ravel(), wanted)
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 1023\n" + struct.pack(">3H", 0, 512, 1023))
    np.testing.assert_array_equal(scaled_image(tmp_path / "a.pgm", 1, 3, 1).ravel(), [0, 128, 255])


@pytest.mark.parametrize(("dtype", "kind"), [(np.int32, "32 bits"), (np.float32, "floating point")])
def test_grey_without_a_range(tmp_path: Path, dtype: type, kind: str) -> None:
    Image.fromarray(np.zeros((4, 4), dtype)).save(tmp_path / "a.tiff")
    with pytest.raises(ModelError, match=f"a.tiff: grey values in {kind}, .*; save it with 8 or 16 bits"):
        read(tmp_path / "a.tiff")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB", "1"])
def test_transparency_shows_white(tmp_path: Path, mode: str) -> None:
    """A black picture whose left half is transparent."""
    path = tmp_path / "a.png"
    if mode in ("RGBA", "LA"):
        image = Image.new("L", (8, 4), 0)
        alpha = Image.new("L", (8, 4), 255)
        alpha.paste(0, (0, 0, 4, 4))
        image.putalpha(alpha)
        image.convert(mode).save(path)
        wanted = 0
    else:
        image = Image.new("L", (8, 4), 255)
        image.paste(0, (0, 0, 4, 4))
        image.convert(mode).save(path, transparency=(0, 0, 0) if mode == "RGB" else 0)
        wanted = 255
    shown = read(path)
    assert (shown[:, :4] == 255).all() and (shown[:, 4:] == wanted).all()
    assert (scaled_image(path, 4, 8, 1)[:, :4] == 255).all()


def test_half_transparent_is_mixed(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (200, 100, 0, 128)).save(tmp_path / "a.png")
    mixed = [round(255 + (colour - 255) * 128 / 255) for colour in (200, 100, 0)]
    assert np.abs(read(tmp_path / "a.png").astype(int) - mixed).max() <= 1


def test_a_transparent_value_of_16_bits(tmp_path: Path) -> None:
    grey = png(tmp_path / "grey.png", 0, [1000, 20000], [1000])
    assert scaled_image(grey, 1, 2, 1).ravel().tolist() == [255, 78]
    colour = png(tmp_path / "colour.png", 2, [1000, 2000, 3000, 20000, 0, 0], [1000, 2000, 3000])
    assert scaled_image(colour, 1, 2, 3).tolist() == [[[255, 255, 255], [78, 0, 0]]]


def test_folders_for_calibration_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    png(tmp_path / "b.png", 0, [1000, 65535])
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "c.png")
    notes: list[str] = []
    turned, grey, clear = calibration_inputs(tmp_path, (8, 6, 3), notes)
    np.testing.assert_array_equal(turned, normalise(np.rot90(PIXELS, -1)))
    assert grey.max() > 2 and grey.min() < -2, "not all of it white"
    np.testing.assert_array_equal(clear, normalise(np.full((8, 6, 3), 255, np.uint8)))
    assert notes == []


def test_too_many_pixels(tmp_path: Path) -> None:
    """A small file may hold a picture that memory does not."""
    path = tmp_path / "a.png"
    Image.new("1", (8200, 6200)).save(path)
    line = f"{path}: a picture of 8,200 x 6,200 pixels; at most 50,331,648 are read, scale it down"
    with pytest.raises(ModelError, match=re.escape(line)):
        scaled_image(path, 8, 8, 3)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_memory_of_a_picture(tmp_path: Path, mode: str) -> None:
    """18 bytes a pixel at most and what is loaded on the way, so that the largest one stays below 1 GB."""
    path, side = tmp_path / "a.png", 2400
    image = Image.new(mode, (side, side))
    if mode in ("P", "I;16"):
        image.info["transparency"] = 0
    image.save(path)
    verdict = Server().run(lambda: str(scaled_image(path, 8, 8, 3).shape))
    assert (verdict.kind, verdict.text) == (READ, "(8, 8, 3)")
    assert verdict.growth < 18 * side**2 + (8 << 20)


def test_what_a_library_says_of_a_damaged_picture(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(PIXELS).save(path, compression="tiff_deflate")
    data = bytearray(path.read_bytes())
    place = data.index(b"\x78")  # of the compressed pixels
    data[place + 6 : place + 60] = bytes(54)
    path.write_bytes(data)
    with pytest.raises(ModelError, match="not an image that can be read"):
        scaled_image(path, 8, 8, 3)
    assert capfd.readouterr() == ("", "")


def test_what_pillow_logs_of_a_damaged_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.tiff"
    Image.fromarray(PIXELS).save(path)
    data = bytearray(path.read_bytes())
    place = data.index(struct.pack("<HHI", 277, 3, 1))  # samples per pixel
    data[place + 8 : place + 10] = struct.pack("<H", 5000)
    path.write_bytes(data)
    with pytest.raises(ModelError, match="not an image that can be read"):
        scaled_image(path, 8, 8, 3)
    assert caplog.records == [] and logging.getLogger("PIL").level == logging.NOTSET


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_place_that_is_no_number(tmp_path: Path) -> None:
    """Pillow seeks to wherever a tag says."""
    path = tmp_path / "a.tiff"
    Image.fromarray(PIXELS).save(path)
    data = bytearray(path.read_bytes())
    place = data.index(struct.pack("<H", 273), 8)  # where the pixels are
    data[place + 2 : place + 4] = struct.pack("<H", 5)  # as a rational number
    path.write_bytes(data)
    verdict = Server().run(lambda: str(scaled_image(path, 8, 8, 3)))
    assert verdict.kind == REFUSED and "not an image that can be read" in verdict.text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_part_longer_than_memory(tmp_path: Path) -> None:
    """Pillow asks for as much memory as the pixels' part says that it has."""
    path = png(tmp_path / "a.png", 0, [1, 2, 3])
    data = bytearray(path.read_bytes())
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = (1 << 30).to_bytes(4, "big")
    path.write_bytes(data)
    verdict = Server(growth=1 << 28).run(lambda: str(scaled_image(path, 8, 8, 3)))
    assert verdict.kind == REFUSED and "not an image that can be read" in verdict.text

"""A picture's file as its viewer shows it: turned upright, with 8 bits a colour, on white where it is transparent."""

import contextlib
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from hwgen.errors import ModelError
from hwgen.files import refuse_special

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its orientation (Exif 2.3, tag 0x0112)."""

UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    SyntaxError,
    EOFError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's readers raise on damaged files."""

MOST_PIXELS = 3 << 24
"""Of a picture: 50 million, as cameras with many take them; of 16-bit grey with a transparent value, 900 MB while it is made ready."""

_STDERR = 2
"""Number of the standard error, as libraries in C know it."""

_TIFF_BITS = 258
"""Tag of a TIFF file: bits of a grey value."""


def photograph(path: str | Path) -> Image.Image:
    """The picture in a file, of mode RGB or L.

    Raises:
        ModelError: there is no such file, or no picture in it that can be read.
    """
    refuse_special(Path(path))
    try:
        # Warnings are of size and of damaged Exif data.
        with warnings.catch_warnings(action="ignore"), _silent_libraries(), Image.open(path) as image:
            _check_size(image, path)
            image.load()
            _check_size(image, path)  # of an icon only now
            return _upright(_opaque(_eight_bits(image, path)), image)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such image file") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{path}: not an image that can be read ({reason}); give a JPEG, PNG or BMP file") from None


@contextlib.contextmanager
def _silent_libraries() -> Iterator[None]:
    """Nothing reaches the process's standard error meanwhile, nor Pillow's log: libtiff and Pillow write there what they find wrong.

    What is wrong is raised by Pillow all the same.
    """
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    kept = _redirected()
    try:
        yield
    finally:
        log.setLevel(level)
        if kept is not None:
            os.dup2(kept, _STDERR)
            os.close(kept)


def _redirected() -> int | None:
    """A copy of the standard error, which leads nowhere from now on; None if it is closed."""
    try:
        kept = os.dup(_STDERR)
    except OSError:
        return None
    with open(os.devnull, "wb") as sink:
        os.dup2(sink.fileno(), _STDERR)
    return kept


def _check_size(image: Image.Image, path: str | Path) -> None:
    """ModelError for a picture that takes more memory than it is worth: up to 18 bytes a pixel on the way."""
    if image.width * image.height > MOST_PIXELS:
        raise ModelError(
            f"{path}: a picture of {image.width:,} x {image.height:,} pixels; at most {MOST_PIXELS:,} are read, scale it down"
        )


def _eight_bits(image: Image.Image, path: str | Path) -> Image.Image:
    """Grey values of more than 8 bits in 8, which Pillow would clip; everything else as it is."""
    if not image.mode.startswith(("I", "F")):
        return image
    if image.mode.startswith("I;16"):
        tags = getattr(image, "tag_v2", {})
        most = (1 << tags.get(_TIFF_BITS, (16,))[0]) - 1
    elif image.mode == "I" and image.format == "PPM":  # Pillow scales its values to 16 bits
        most = 0xFFFF
    else:
        kind = "floating point" if image.mode == "F" else "32 bits"
        raise ModelError(
            f"{path}: grey values in {kind}, whose black and white are not known; save it with 8 or 16 bits"
        )
    values = np.asarray(image)
    scaled = values.astype(np.int32)
    np.clip(scaled, 0, most, out=scaled)
    scaled *= 255
    scaled += most // 2
    scaled //= most
    grey = Image.fromarray(scaled.astype(np.uint8))
    del scaled
    if (clear := image.info.get("transparency")) is None:
        return grey
    grey.putalpha(Image.fromarray(np.where(values == clear, np.uint8(0), np.uint8(255))))
    return grey


def _opaque(image: Image.Image) -> Image.Image:
    """Of mode RGB or L, on white where it is transparent."""
    if not image.has_transparency_data:
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    clear = image.info.get("transparency")
    if (
        isinstance(clear, tuple) and max(clear) > 255
    ):  # of 16 bits a colour, of which Pillow keeps the upper 8 in the pixels alone
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _upright(image: Image.Image, source: Image.Image) -> Image.Image:
    """Turned as the camera was held; a damaged record of that counts as none."""
    try:
        turn = _TURNS.get(source.getexif().get(ExifTags.Base.Orientation, 1))
    except (ValueError, SyntaxError, OSError, KeyError, TypeError, struct.error):
        return image
    return image if turn is None else image.transpose(turn)

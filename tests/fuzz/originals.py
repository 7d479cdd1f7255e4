"""Sound files of every kind that hwgen reads, to be damaged: small ones made here, real ones where their folder is."""

from __future__ import annotations

import functools
import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save

from hwgen.compiler.frontend import zoo
from hwgen.compiler.graph.parameters import required
from hwgen.compiler.graph.text import parse
from tests.random_networks.network import random_network
from tests.support.onnx_originals import MODELS as ONNX
from tests.support.onnx_originals import QUANTISED
from tests.support.onnx_originals import original as onnx_original
from tests.support.paths import CASES, MODELS
from tests.support.tflite_examples import OPERATORS, example
from tests.support.tflite_networks import NETWORKS, network

SMALL_FILE = 1 << 16
"""Bytes up to which a real file is as quick to read as those made here."""

MEDIUM_FILE = 1 << 21

_OFTEN, _SELDOM, _RARELY = 40, 4, 1
"""How often a file is chosen, by its size."""

WEIGHTED = """
graph weighted
  %image : 6x6x3 = input shape=6,6,3
  %conv : 3x3x4 = conv2d(%image) channels=4 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=conv.weight norm=bn
  %deep : 3x3x4 = conv2d(%conv) channels=4 groups=4 kernel=3,3 pad=1,1,1,1 weight=deep.weight
  return %deep
"""
"""The network that damaged files of weights are for."""

Make = Callable[[], bytes]


@functools.cache
def originals(kind: str) -> list[Make]:
    """What gives the content of each file of a kind; of those chosen often there are several."""
    return _MAKERS[kind]()


def _tflite() -> list[Make]:
    made: list[Make] = [functools.partial(example, op, seed) for op in OPERATORS for seed in range(3)]
    made += [functools.partial(network, name) for name in NETWORKS]
    made += [functools.partial(random_network, seed) for seed in range(100)]
    return made * (_OFTEN // 4) + _real(".tflite")


def _onnx() -> list[Make]:
    made: list[Make] = [functools.partial(onnx_original, name) for name in (*ONNX, *QUANTISED)]
    return made * _OFTEN * 3 + _real(".onnx")


def _real(suffix: str) -> list[Make]:
    """Those of the folders with models and cases, if they are there."""
    found: list[Make] = []
    for path in sorted(path for folder in (MODELS, CASES) for path in folder.glob(f"**/*{suffix}")):
        size = path.stat().st_size
        often = _OFTEN if size <= SMALL_FILE else _SELDOM if size <= MEDIUM_FILE else _RARELY
        found += [functools.partial(_content, path)] * often
    return found


@functools.lru_cache(maxsize=64)
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _graph() -> list[Make]:
    texts = [WEIGHTED.strip()]
    for name in ("shufflenet_v2", "mobilenet_v2", "mobilenet_v3_small", "ds_cnn", "resnet8"):
        texts.append(str(zoo.build(name, None, 64 if name != "ds_cnn" and name != "resnet8" else None, 10)))
    return [functools.partial(str.encode, text) for text in texts]


def _array() -> list[Make]:
    rng = np.random.default_rng(0)
    kinds = (np.int8, np.uint8, np.float32, np.float64, np.int64, np.float16, np.complex64, np.bool_)
    arrays = [rng.integers(0, 100, (1, 6, 6, 3)).astype(kind) for kind in kinds]
    return [functools.partial(_saved, array) for array in arrays]


def _saved(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _parameters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = required(parse(WEIGHTED))
    return {name: rng.uniform(0.1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def _npz() -> list[Make]:
    return [functools.partial(_archive, kind) for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]


@functools.cache
def _archive(compression: int) -> bytes:
    """As `numpy.savez` and `numpy.savez_compressed` write it; always the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, array in _parameters().items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), _saved(array), compression)
    return content.getvalue()


def _safetensors() -> list[Make]:
    return [functools.partial(save, _parameters())]


def _picture() -> list[Make]:
    rng = np.random.default_rng(0)
    colours = Image.fromarray(rng.integers(0, 256, (9, 12, 3)).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey16 = Image.fromarray(rng.integers(0, 65536, (9, 12)).astype(np.uint16))
    clear = Image.fromarray(rng.integers(0, 256, (9, 12, 4)).astype(np.uint8))
    palette = colours.quantize(16)
    files = [
        *(_encoded(colours, form) for form in ("PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG", "TGA", "ICO")),
        *(_encoded(colours, form, exif=exif) for form in ("JPEG", "PNG", "WEBP", "TIFF")),
        *(_encoded(colours, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")),
        *(_encoded(grey16, form) for form in ("PNG", "TIFF", "PPM")),
        *(_encoded(clear, form) for form in ("PNG", "WEBP", "TIFF")),
        *(_encoded(palette, form, transparency=3) for form in ("PNG", "GIF")),
        *(_encoded(colours.convert(mode), "PNG") for mode in ("1", "L", "LA")),
        _encoded(colours, "JPEG", progressive=True),
        _encoded(colours.convert("CMYK"), "JPEG"),
        _encoded(colours, "GIF", save_all=True, append_images=[colours.rotate(90), colours]),
    ]
    return [functools.partial(bytes, content) for content in files]


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def with_checksums(png: bytes) -> bytes:
    """A PNG file whose parts have the checksums of what they hold now; one whose parts do not fit it as it is."""
    changed, place = bytearray(png), 8
    while place + 12 <= len(changed):
        end = place + 8 + int.from_bytes(changed[place : place + 4], "big")
        if end + 4 > len(changed):
            break
        changed[end : end + 4] = zlib.crc32(changed[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(changed)


_MAKERS: dict[str, Callable[[], list[Make]]] = {
    ".tflite": _tflite,
    ".onnx": _onnx,
    ".graph": _graph,
    ".png": _picture,
    ".npy": _array,
    ".npz": _npz,
    ".safetensors": _safetensors,
}

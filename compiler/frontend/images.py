"""Images: from a file to the network's input, and synthetic ones for calibration.

A photograph is cut and scaled as torchvision's reference evaluation does it (shortest side to 256/224 of the
resolution, centre crop), then normalised by ImageNet's mean and standard deviation.
"""

from pathlib import Path
from tokenize import TokenError

import numpy as np
from PIL import Image

from hwgen.compiler.frontend.photograph import photograph
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.nodes import QTensor
from hwgen.errors import ModelError
from hwgen.files import refuse_special

MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
CROP = 224 / 256  # part of the shortest side that is kept
INPUT_RANGE = (float(((0 - MEAN) / STD).min()), float(((1 - MEAN) / STD).max()))
LARGEST_ARRAY = 1 << 30  # bytes of a .npy file that are read
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".webp")


def read_image(path: str | Path, resolution: int) -> np.ndarray:
    """The centre of an image file, uint8 [resolution, resolution, 3]; ModelError if it is no readable image."""
    image = photograph(path)
    side = min(image.size) * CROP
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    cut = image.convert("RGB").resize((resolution, resolution), Image.Resampling.BILINEAR, box=box)
    return np.asarray(cut, dtype=np.uint8)


def scaled_image(path: str | Path, height: int, width: int, channels: int) -> np.ndarray:
    """The whole of an image file, uint8 [height, width, channels]: 3 colours, or 1 for grey."""
    image = photograph(path).convert("RGB" if channels == 3 else "L")
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled, dtype=np.uint8).reshape(height, width, channels)


def normalise(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels [height, width, channels] to the network's real input, float64; grey ones by the mean of the colours'
    figures.
    """
    mean, std = (MEAN, STD) if pixels.shape[-1] == 3 else (MEAN.mean(), STD.mean())
    return (pixels / 255.0 - mean) / std


def input_range(channels: int) -> tuple[float, float]:
    """Least and greatest real input of a network of pictures."""
    ends = [normalise(np.full((1, 1, channels), pixel, np.uint8)) for pixel in (0, 255)]
    return float(ends[0].min()), float(ends[1].max())


def quantise_pixels(pixels: np.ndarray, tensor: QTensor) -> np.ndarray:
    """uint8 pixels to the int8 input tensor (equation 2); ModelError if the shape is not the tensor's."""
    if pixels.shape != tensor.shape:
        raise ModelError(f"an image of shape {pixels.shape} for input {tensor.name} of shape {tensor.shape}")
    return arithmetic.quantise_real(normalise(pixels), tensor.scale, tensor.zero_point)


def quantised_image(path: str | Path, tensor: QTensor) -> np.ndarray:
    """An image file as the int8 input tensor [height, width, channels] of a network of the zoo."""
    return quantise_pixels(fitted_image(path, tensor.shape), tensor)


def fitted_image(path: str | Path, shape: tuple[int, ...]) -> np.ndarray:
    """An image file as a network's input of a shape, uint8: its centre for a square network, all of it for others."""
    height, width, channels = shape
    if channels not in (1, 3):
        raise ModelError(f"{path}: the network's input has {channels} channels and is no picture; give a .npy array")
    if height == width and channels == 3:
        return read_image(path, height)
    return scaled_image(path, height, width, channels)


def synthetic_images(count: int, resolution: int, seed: int) -> list[np.ndarray]:
    """Seeded images with the statistics of photographs, uint8 [resolution, resolution, 3]."""
    return synthetic_inputs(count, (resolution, resolution, 3), seed)


LARGEST_SYNTHETIC = 1 << 22
"""Pixels of an image that is made up."""

MOST_SYNTHETIC = 1 << 24
"""Elements of all that are made up at once: 128 MB as real numbers."""


def synthetic_inputs(count: int, shape: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Seeded images with the statistics of photographs, uint8 of a shape (height, width, 3 colours or 1 for grey).

    Noise whose amplitude falls as 1/frequency, its colours mostly correlated, plus plain shapes with hard edges.  Of large ones
    there are fewer, so that they take a bounded memory; ModelError for more than `LARGEST_SYNTHETIC` pixels.
    """
    height, width, channels = shape
    if height * width > LARGEST_SYNTHETIC:
        raise ModelError(
            f"an input of {width} x {height} pixels, for which no images are made up; give a folder of real ones to calibrate on"
        )
    count = max(1, min(count, MOST_SYNTHETIC // (height * width * channels)))
    rng = np.random.default_rng(seed)
    images = [_synthetic_image(rng, height, width) for _ in range(count)]
    if channels == 3:
        return images
    return [np.rint(image.mean(axis=2, keepdims=True)).astype(np.uint8) for image in images]


def read_array(path: Path) -> np.ndarray:
    """An array from a .npy file; ModelError if it is none."""
    refuse_special(path)
    try:
        if path.stat().st_size > LARGEST_ARRAY:
            raise ModelError(f"{path}: larger than {LARGEST_ARRAY:,} bytes")
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError, TokenError) as error:
        raise ModelError(f"{path}: not a .npy array that can be read ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(array, np.ndarray):
        raise ModelError(f"{path}: an archive of arrays; give one array, .npy")
    return array


def _synthetic_image(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = np.inf  # no constant part
    planes = []
    for _ in range(4):
        noise = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
        plane = np.fft.irfft2(noise / frequency, s=(height, width))
        planes.append(plane / (plane.std() + 1e-9))
    light, colours = planes[0], np.stack(planes[1:], axis=2)
    image = rng.uniform(0.3, 0.6) + rng.uniform(0.12, 0.22) * (light[:, :, None] + 0.35 * colours)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
    for _ in range(rng.integers(3, 8)):
        centre_y, centre_x, size_y, size_x = rng.uniform(0, 1), rng.uniform(0, 1), *rng.uniform(0.04, 0.3, 2)
        distance_y, distance_x = np.abs(y - centre_y) / size_y, np.abs(x - centre_x) / size_x
        inside = np.hypot(distance_y, distance_x) < 1 if rng.random() < 0.5 else np.maximum(distance_y, distance_x) < 1
        image[inside] = 0.3 * image[inside] + 0.7 * rng.uniform(0, 1, 3)
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)

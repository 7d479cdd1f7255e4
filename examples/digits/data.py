"""Scikit-learn's handwritten digits (E. Alpaydin, C. Kaynak, UCI machine learning repository 1998, CC BY 4.0): 1797 real
images of 8 x 8 pixels, cut into a training and a test set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from examples.digits.networks import SIZE
from hwgen.compiler.frontend.images import normalise

TEST = 360
CALIBRATION = 64  # images of the training set that the quantiser sees
SEED = 0
BRIGHTEST = 16  # of scikit-learn's pixels


@dataclass(frozen=True)
class Digits:
    """Images uint8 [n, 8, 8] as picture files would hold them, and their digits, int64 [n]."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def inputs(self) -> np.ndarray:
        """What the networks see: scaled and normalised as `hwgen` does it with a picture, float64 [n, 16, 16, 1]."""
        return np.stack([normalise(scaled(image)) for image in self.images])


def scaled(image: np.ndarray) -> np.ndarray:
    """An image of 8 x 8 pixels, uint8 [16, 16, 1]."""
    large = Image.fromarray(image).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return np.asarray(large, dtype=np.uint8)[:, :, None]


def load() -> tuple[Digits, Digits]:
    """Training and test set: 1437 and 360 images, every digit with the same share in both."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    images = np.rint(data.images * (255 / BRIGHTEST)).astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(
        images, data.target.astype(np.int64), test_size=TEST, random_state=SEED, stratify=data.target
    )
    return Digits(train_x, train_y), Digits(test_x, test_y)

"""Writes digits as picture files, for the command line: `calibration/` from the training set and `test/`, NUMBER_is_DIGIT.png.

python -m examples.digits.pictures build/digits
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from examples.digits.data import CALIBRATION, Digits, load


def write(digits: Digits, folder: Path) -> None:
    """One file an image, in the set's order."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True)):
        Image.fromarray(image).save(folder / f"{number:03d}_is_{label}.png")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("give the folder to write to")
    training, test = load()
    folder = Path(sys.argv[1])
    write(Digits(training.images[:CALIBRATION], training.labels[:CALIBRATION]), folder / "calibration")
    write(test, folder / "test")
    print(f"{folder}/calibration: {CALIBRATION} pictures, {folder}/test: {len(test.labels)}")


if __name__ == "__main__":
    main()

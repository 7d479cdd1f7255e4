"""Images in, int8 tensors out; and files that are no images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hwgen.compiler.frontend import images as preprocess
from hwgen.compiler.int8.nodes import QTensor
from hwgen.errors import ModelError


def test_centre_crop_and_scale(tmp_path: Path) -> None:
    pixels = np.zeros((256, 320, 3), dtype=np.uint8)
    pixels[16:240, 48:272] = [10, 20, 30]  # exactly the part that is kept
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (preprocess.read_image(tmp_path / "a.png", 224) == [10, 20, 30]).all()
    small = preprocess.read_image(tmp_path / "a.png", 32)
    assert small.shape == (32, 32, 3) and small.dtype == np.uint8
    assert (small[2:-2, 2:-2] == [10, 20, 30]).all()  # the filter reaches a little beyond the cut


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    Image.new("RGB", (40, 50), (255, 255, 255)).convert(mode).save(path)
    assert (preprocess.read_image(path, 32) == 255).all()


def test_extreme_shapes_cost_nothing(tmp_path: Path) -> None:
    Image.new("RGB", (20000, 1), (1, 2, 3)).save(tmp_path / "thin.png")
    assert (preprocess.read_image(tmp_path / "thin.png", 32) == [1, 2, 3]).all()


def test_files_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:500])
    for name in ("text.jpg", "empty.png", "cut.png", "."):
        with pytest.raises(ModelError, match="not an image that can be read .* give a JPEG, PNG or BMP file") as caught:
            preprocess.read_image(tmp_path / name, 32)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="gone.png: no such image file"):
        preprocess.read_image(tmp_path / "gone.png", 32)


def test_quantised_pixels() -> None:
    low, high = preprocess.INPUT_RANGE
    scale = (high - low) / 255
    tensor = QTensor("image", (1, 2, 3), scale, round(-128 - low / scale))
    pixels = np.array([[[0, 0, 0], [255, 128, 255]]], dtype=np.uint8)
    got = preprocess.quantise_pixels(pixels, tensor)
    real = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert got.dtype == np.int8
    assert np.abs((got.astype(float) - tensor.zero_point) * scale - real).max() <= scale * 0.51
    assert got.min() == -128 and got.max() == 127
    with pytest.raises(ModelError, match=r"an image of shape \(1, 2, 3\) for input image of shape \(2, 2, 3\)"):
        preprocess.quantise_pixels(pixels, QTensor("image", (2, 2, 3), scale, 0))


def test_synthetic_images_take_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight of an input of 4096 x 4096 would be a gigabyte."""
    with pytest.raises(
        ModelError, match="an input of 4096 x 2048 pixels, for which no images are made up; give a folder"
    ):
        preprocess.synthetic_inputs(8, (2048, 4096, 1), 0)
    monkeypatch.setattr(preprocess, "MOST_SYNTHETIC", 1000)
    for side, count in ((8, 5), (18, 1), (40, 1)):
        assert len(preprocess.synthetic_inputs(8, (side, side, 3), 0)) == count


def test_synthetic_images_are_seeded_and_varied() -> None:
    first, second = preprocess.synthetic_images(2, 64, 5)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    assert np.array_equal(first, preprocess.synthetic_images(1, 64, 5)[0])
    assert not np.array_equal(first, second)
    for image in (first, second):
        assert 25 < image.std() < 110
        neighbours = np.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1]
        assert neighbours > 0.6  # smooth, as photographs are

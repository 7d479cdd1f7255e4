"""Names that mean no network which is read: each is called by its kind, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.compiler.frontend import zoo
from hwgen.compiler.frontend.kinds import not_read
from hwgen.compiler.frontend.load import load, load_float
from hwgen.errors import ModelError

READ = "; hwgen reads .tflite, .onnx and .graph files, and the networks that `hwgen models` lists: "


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind", "remedy"),
    [
        ("m.h5", "a Keras model", "convert it with tf.lite.TFLiteConverter.from_keras_model, quantised to int8"),
        ("m.keras", "a Keras model", "convert it with tf.lite.TFLiteConverter.from_keras_model, quantised to int8"),
        ("M.PT", "a PyTorch file", "export it with torch.onnx.export"),
        (
            "m.pb",
            "a TensorFlow graph",
            "convert the folder with tf.lite.TFLiteConverter.from_saved_model, quantised to int8",
        ),
        ("w.safetensors", "a file of weights", "give the network's name, and this file as --weights"),
        ("cat.jpg", "a picture", "give a network, and this file as --input"),
        ("x.npy", "an array", "give a network, and this file as --input"),
        ("m.xml", "a model compiled for another machine", "take the .onnx or .tflite file that it was made of"),
        ("train.py", "a program", "run it, and export the network to .onnx or .tflite"),
        ("model", "a file of another kind", "convert it to one of these, or give it the suffix of what it holds"),
    ],
)
def test_files(name: str, kind: str, remedy: str) -> None:
    Path(name).write_bytes(b"anything")
    for how in (load, load_float):
        with pytest.raises(ModelError) as caught:
            how(name)
        assert str(caught.value) == f"{name}: {kind}{READ}{remedy}"


def test_folders() -> None:
    Path("plain").mkdir()
    assert not_read("plain") == f"plain: a folder{READ}give the model's file"
    Path("saved").mkdir()
    Path("saved/saved_model.pb").touch()
    assert (not_read("saved") or "").startswith(f"saved: a SavedModel folder{READ}convert the folder with tf.lite")


@pytest.mark.parametrize("name", ["m.h5", "models/m", "models/m.onnx.zip"])
def test_files_that_are_not_there(name: str) -> None:
    with pytest.raises(ModelError, match=f"^{name}: no such file; hwgen reads .tflite, .onnx and .graph files"):
        load(name)


@pytest.mark.parametrize("name", ["", "mobilnet", "shufflenet_v2_x1.0"])
def test_names_of_no_network(name: str) -> None:
    with pytest.raises(ModelError, match=f"unknown network '{name}'; nearest: "):
        load(name)


def test_a_network_whose_build_folder_is_here() -> None:
    """Its name means the network."""
    name = zoo.names()[0]
    Path(name).mkdir()
    load(name)

"""What a file is that is no network hwgen reads, and how to make one of it."""

from __future__ import annotations

from pathlib import Path

READ = "hwgen reads .tflite, .onnx and .graph files, and the networks that `hwgen models` lists"

_KERAS = "convert it with tf.lite.TFLiteConverter.from_keras_model, quantised to int8"
_TORCH = "export it with torch.onnx.export"
_SAVED = "convert the folder with tf.lite.TFLiteConverter.from_saved_model, quantised to int8"
_WEIGHTS = "give the network's name, and this file as --weights"
_INPUT = "give a network, and this file as --input"
_OTHER = "convert it to one of these, or give it the suffix of what it holds"
_ORIGIN = "take the .onnx or .tflite file that it was made of"

_KINDS = {
    "a Keras model": ((".h5", ".hdf5", ".keras"), _KERAS),
    "a PyTorch file": ((".pt", ".pth", ".pt2", ".ckpt"), _TORCH),
    "a TensorFlow graph": ((".pb", ".pbtxt", ".meta"), _SAVED),
    "a file of weights": ((".safetensors", ".npz"), _WEIGHTS),
    "a picture": ((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"), _INPUT),
    "an array": ((".npy",), _INPUT),
    "a model compiled for another machine": (
        (".xml", ".mlmodel", ".mlpackage", ".engine", ".trt", ".pte", ".ort", ".param", ".hef", ".dla", ".rknn"),
        _ORIGIN,
    ),
    "a program": ((".py", ".ipynb"), "run it, and export the network to .onnx or .tflite"),
}
_BY_SUFFIX = {suffix: (kind, remedy) for kind, (suffixes, remedy) in _KINDS.items() for suffix in suffixes}


def not_read(name: str) -> str | None:
    """One line about a name that means a file or folder, but none that hwgen reads; None for one that means neither.

    The name's suffix decides, whatever the file holds; other names mean a file if there is one, or if they have a folder.
    """
    path = Path(name)
    if not name:
        return None
    if path.is_dir():
        saved = (path / "saved_model.pb").is_file()
        what, remedy = ("a SavedModel folder", _SAVED) if saved else ("a folder", "give the model's file")
        return f"{name}: {what}; {READ}: {remedy}"
    kind, remedy = _BY_SUFFIX.get(path.suffix.lower(), ("a file of another kind", _OTHER))
    if path.exists():
        return f"{name}: {kind}; {READ}: {remedy}"
    if path.suffix.lower() in _BY_SUFFIX or len(path.parts) > 1:
        return f"{name}: no such file; {READ}"
    return None

"""Post-training quantisation to TensorFlow Lite's int8 scheme: `quantiser` does it, `options` is what a user may choose."""

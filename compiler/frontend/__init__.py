"""From a network's name or file to a float or an int8 graph: the zoo, .tflite, .onnx and .graph files, weights, calibration images."""

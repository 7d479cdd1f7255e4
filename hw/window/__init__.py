"""The window: depthwise convolutions and pooling, a stage a file."""

"""What to do about an operation that the machine does not have."""

from hwgen.compiler.int8.nodes import QNode

_NEAREST = {
    "reshape": "a reshape inside the network; nearest: flatten before FULLY_CONNECTED, or RESHAPE as the last operator",
    "resize": "a width that is not an integer multiple, a half or a third; nearest: such a width, or RESIZE_NEAREST_NEIGHBOR as the last "
    "operator, which the host computes",
    "strided_slice": "negative steps, or steps that are no product of 2 and 3; nearest: such steps as the last operator, "
    "which the host computes",
    "channel_table": "more than 256 different functions of one value; nearest: MUL by a constant for each channel",
}


def nearest_form(node: QNode) -> str:
    """Reason and nearest supported form."""
    return _NEAREST.get(node.op, f"{node.op} is not an operation of the machine; nearest: CONV_2D")

"""Where a model is quantised: QuantizeLinear and DequantizeLinear of activations, as marks in the float graph."""

from dataclasses import dataclass

from hwgen.compiler.frontend.onnx.builder import Builder, Value
from hwgen.compiler.frontend.onnx.model import Node, type_name
from hwgen.compiler.frontend.onnx.operators import Handler
from hwgen.compiler.frontend.onnx.problems import Unsound, Unsupported
from hwgen.compiler.quantise.scales import Affine

INT8, UINT8 = 3, 2  # TensorProto.DataType
TYPES = {INT8: "int8", UINT8: "uint8"}


@dataclass(eq=False)
class Marks:
    """Where the tensors of a float graph are quantised.

    Attributes:
        scales: by tensor: of marks, and of an integer input.
        expected: tensors that the file reads back with a scale: it must be the one they have.
    """

    scales: dict[str, Affine]
    expected: list[tuple[Node, str, Affine]]


def parameters(b: Builder, node: Node, integers: int | None) -> Affine:
    """Scale and zero point of a QuantizeLinear or DequantizeLinear of an activation of type `integers`."""
    scale = b.numbers(node, 1, "scale")
    zero = b.constant(node, 2, "zero point")
    if integers not in TYPES:
        raise Unsupported(
            f"activations of {type_name(integers)}", "int8 or uint8 (or the float model, which hwgen quantises)"
        )
    if scale.size != 1:
        raise Unsupported("a scale for each channel of an activation", "one scale for each activation")
    if scale.ravel()[0] <= 0:
        raise Unsound(f"its scale is {scale.ravel()[0]:g}")
    number = 0 if zero is None else int(zero.ravel()[0])
    return Affine(float(scale.ravel()[0]), number - (128 if integers == UINT8 else 0))


def handlers(marks: Marks) -> dict[str, Handler]:
    """Importers of the two operators that mark a quantisation."""
    made: dict[tuple[str, Affine], str] = {}

    def quantize(b: Builder, node: Node) -> None:
        x, affine = b.value(node), parameters(b, node, b.folded.types.get(node.outputs[0]))
        tensor = b.settled(x)
        if marks.scales.get(tensor) != affine:
            key = (tensor, affine)
            if key not in made:
                made[key] = b.emit("affine", tensor)
                marks.scales[made[key]] = affine
            tensor = made[key]
        b.write(node, Value(tensor, x.shape, x.order))

    def dequantize(b: Builder, node: Node) -> None:
        x, affine = b.value(node), parameters(b, node, b.folded.types.get(node.inputs[0]))
        tensor = b.settled(x)
        if tensor == "input" and tensor not in marks.scales:
            marks.scales[tensor] = affine
        marks.expected.append((node, tensor, affine))
        b.write(node, Value(tensor, x.shape, x.order))

    return {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}

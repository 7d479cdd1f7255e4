"""From a .tflite file to the int8 graph.

The whole file is read before anything is built from it; everything that is wrong or unsupported comes in one error.
"""

from pathlib import Path

import numpy as np

from hwgen.compiler.frontend.causes import by_cause
from hwgen.compiler.frontend.limits import LARGEST_TENSOR, MOST_WORK
from hwgen.compiler.frontend.tflite.builder import (
    FLOAT_REMEDY,
    RANGES,
    Builder,
    Skipped,
    Unsound,
    Unsupported,
    error_text,
)
from hwgen.compiler.frontend.tflite.operators import HANDLERS, NEAREST
from hwgen.compiler.frontend.tflite.schema import File, FileOperator, FileTensor, read
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.host import Host, QHostNode, QSoftmax
from hwgen.compiler.int8.nodes import QNode, QReshape, QTable
from hwgen.errors import HwgenError, ModelError, UnsupportedOpError
from hwgen.files import refuse_special

DAMAGE: tuple[type[Exception], ...] = (ArithmeticError, LookupError, TypeError, ValueError)
"""What an operator that contradicts itself in a way nobody thought of may raise."""


def load(path: str | Path) -> QGraph:
    """The int8 graph of a .tflite file, verified.

    `QGraph.host` says what the host does before and after, `QGraph.notes` what is odd but harmless.

    Raises:
        ModelError: the file cannot be read, or is damaged, or no int8 model.
        UnsupportedOpError: it has operators that cannot be built: all of them, with the nearest supported form.
    """
    path = Path(path)
    refuse_special(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    return parse(data, path.name)


def parse(data: bytes, name: str) -> QGraph:
    """As `load`, from the file's content; `name` is that of the file."""
    file = read(data, name)
    _check_interface(file, name)
    builder = Builder(file)
    source = file.tensors[file.inputs[0]]
    if source.type != "FLOAT32":
        try:
            builder.entry = builder.define(source).name
        except Unsupported as error:
            raise ModelError(f"{name}: the model's input: {error_text(error)}") from None
    unsupported = _import_operators(builder)
    try:
        graph = None if builder.problems else _assemble(builder, name)
    except Unsupported as error:
        unsupported = unsupported or not isinstance(error, Unsound)
        builder.problems.append(("", error_text(error)))
    if builder.problems or graph is None:
        # Tensors may have names as long as a line: that of the first layer's is enough.
        problems = by_cause(builder.problems, lambda layer: layer.split(" (to ")[0])
        kind: type[HwgenError] = UnsupportedOpError if unsupported else ModelError
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise kind(f"{name}: the model cannot be imported, {count}", problems)
    graph.verify()
    return graph


def _check_interface(file: File, name: str) -> None:
    """ModelError for a model that is not one int8 input to one output at all."""
    for what, indices in (("input", file.inputs), ("output", file.outputs)):
        if len(indices) != 1:
            names = ", ".join(f"'{file.tensors[i].name}'" for i in indices[:8])
            raise ModelError(f"{name}: {len(indices)} {what}s ({names}); a model needs exactly one {what}")
    if not file.operators:
        raise ModelError(f"{name}: the model has no operators")
    written = [file.tensors[index] for operator in file.operators for index in operator.outputs]
    written.append(file.tensors[file.inputs[0]])
    if not any(tensor.type in RANGES for tensor in written) and (found := _unquantised(file, written)):
        raise ModelError(f"{name}: {found}; {FLOAT_REMEDY}")


def _unquantised(file: File, written: list[FileTensor]) -> str | None:
    """What a model without any int8 activation is."""
    types = {tensor.type for tensor in written}
    if "INT16" in types:
        return "its activations are int16 (quantised to 16x8 bits), not int8"
    if not types & {"FLOAT32", "FLOAT16"}:
        return None
    weights = any(tensor.constant and tensor.type in RANGES for tensor in file.tensors)
    return f"a float model ({'its weights are quantised but not its activations' if weights else 'nothing in it is quantised'})"


def _import_operators(builder: Builder) -> bool:
    """Import every operator, noting all problems; whether one of them is an unsupported operation."""
    unsupported = False
    for op in builder.file.operators:
        name = f"{op.op.lower()}_{op.index}"
        try:
            if op.op not in HANDLERS:
                known = NEAREST.get(op.op, f"one of {', '.join(HANDLERS)}")
                raise Unsupported(f"operator {op.op} is not supported; nearest: {known}")
            if len(op.outputs) != 1 and op.op not in ("SPLIT", "SPLIT_V"):
                raise Unsound(f"it has {len(op.outputs)} outputs, not 1")
            with np.errstate(all="ignore"):  # what overflows is not finite, and found as such
                HANDLERS[op.op](builder, op, name)
        except Skipped:
            _stand_in(builder, op)
        except Unsupported as error:
            unsupported = unsupported or not isinstance(error, Unsound)
            _note(builder, op, name, error_text(error))
        except ModelError as error:
            _note(builder, op, name, error_text(error))
        except DAMAGE as error:
            _note(
                builder, op, name, f"it contradicts itself ({' '.join(str(error).split())[:80]}); the file is damaged"
            )
    return unsupported


def _note(builder: Builder, op: FileOperator, name: str, reason: str) -> None:
    """Note a problem; one of a tensor only once."""
    subject = reason.split(";")[0]
    if not (subject.startswith("tensor '") and any(subject in what for _, what in builder.problems)):
        output = builder.file.tensors[op.outputs[0]].name if op.outputs else "nothing"
        builder.problems.append((f"{name} (to '{output}')", reason))
    _stand_in(builder, op)


def _stand_in(builder: Builder, op: FileOperator) -> None:
    """Define what the operator did not write, so that those after it are looked at too."""
    for index in op.outputs:
        tensor = builder.file.tensors[index]
        if index not in builder.values and not tensor.constant:
            try:
                builder.define(tensor)
            except Unsupported:
                builder.broken.add(index)


def _assemble(builder: Builder, name: str) -> QGraph:
    """The graph without what nobody reads, the host's nodes apart."""
    file = builder.file
    source, target = file.tensors[file.inputs[0]], file.tensors[file.outputs[0]]
    result = builder.tensors[builder.value(target).name]
    if builder.value(target).order is not None:
        try:
            result = builder.activation(target, "output")
        except Unsupported as error:
            text = str(error).replace("its input is", "the model's output is")
            raise Unsupported(f"{_writer(file, target)}: {text}") from None
    elif target.type in RANGES:
        result = builder.relabelled(result, builder.quantisation(target), "output")
    elif target.type != "FLOAT32":
        raise Unsupported(f"the model's output '{target.name}' has type {target.type}; nearest: INT8, UINT8 or FLOAT32")
    needed, nodes = {result.name}, []
    for node in reversed(builder.nodes):
        if node.output in needed:
            nodes.append(node)
            needed.update(node.inputs)
    nodes.reverse()
    entry = builder.entry
    machine, host = _divide(nodes)
    graph = QGraph(
        name=Path(name).stem,
        tensors={entry: builder.tensors[entry]} | {node.output: builder.tensors[node.output] for node in machine},
        nodes=machine,
        input=entry,
        output=host[0].input if host else result.name,
        provenance=f"file {name}",
        host=Host(
            input_type=source.type.lower(),
            input_shape=source.shape,
            output_type=target.type.lower(),
            output_shape=target.shape,
            nodes=tuple(host),
            tensors=tuple(builder.tensors[node.output] for node in host),
        ),
        notes=tuple(builder.notes),
        origins={tensor: index for tensor, index in builder.origins.items() if tensor in needed},
    )
    if graph.macs > MOST_WORK or sum(tensor.size for tensor in graph.tensors.values()) > 16 * LARGEST_TENSOR:
        raise Unsupported(f"{graph.macs:,} multiply-accumulates a frame; at most {MOST_WORK:,} are possible")
    return graph


def _writer(file: File, target: FileTensor) -> str:
    """The operator that writes a tensor."""
    names = [f"{op.op.lower()}_{op.index}" for op in file.operators if target.index in op.outputs]
    return f"{names[-1] if names else 'nothing'} (to '{target.name}')"


def _divide(nodes: list[QNode | QSoftmax]) -> tuple[list[QNode], list[QHostNode]]:
    """The machine's nodes, and from the first softmax on those of the host."""
    first = next((i for i, node in enumerate(nodes) if isinstance(node, QSoftmax)), len(nodes))
    machine = [node for node in nodes[:first] if not isinstance(node, QSoftmax)]
    host: list[QHostNode] = []
    for node in nodes[first:]:
        chained = not host or node.inputs == (host[-1].output,)
        if not isinstance(node, QSoftmax | QTable | QReshape) or not chained:
            softmax = nodes[first].name
            raise Unsupported(
                f"{softmax}: SOFTMAX before {node.name}; nearest: SOFTMAX as the last operator, which the host computes"
            )
        host.append(node)
    return machine, host

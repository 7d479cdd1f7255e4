"""From a name or a file to a network, and to its int8 form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import TYPE_CHECKING

from hwgen.compiler.frontend.options import STANDARD, NetworkOptions, Source
from hwgen.errors import ModelError
from hwgen.flow.progress import Listener, note, step
from hwgen.flow.source import NetworkSource

if TYPE_CHECKING:
    from hwgen.compiler.frontend.load import FloatNetwork
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.compiler.quantise.options import QuantiseOptions


@dataclass(frozen=True, eq=False)
class Int8Network:
    """A network as the machine computes it: TensorFlow Lite's int8 scheme.

    Attributes:
        source: what it was loaded from.
        graph: its operations and weights.
    """

    source: NetworkSource
    graph: QGraph

    @property
    def name(self) -> str:
        """Of the network with its options; names its builds."""
        return self.source.name

    @property
    def weights(self) -> str:
        """Where its weights are from: "file ..." or "random, seed N"."""
        return self.graph.provenance

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of the model's own input, as `hwgen.predict` takes it."""
        return self.graph.host.input_shape or self.graph.tensors[self.graph.input].shape

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd but harmless."""
        return self.graph.notes


@dataclass(frozen=True, eq=False)
class Network:
    """A network as it was loaded.

    Attributes:
        source: what it was loaded from.
        loaded: the float network and what to calibrate it on, or the int8 graph of a file that is quantised already.
    """

    source: NetworkSource
    loaded: FloatNetwork | QGraph

    @property
    def name(self) -> str:
        """Of the network with its options."""
        return self.source.name

    @property
    def is_quantised(self) -> bool:
        """Whether it is quantised already, so that `quantise` has nothing to choose."""
        from hwgen.compiler.int8.graph import QGraph

        return isinstance(self.loaded, QGraph)

    def quantise(
        self,
        options: QuantiseOptions | None = None,
        *,
        calibrate: Source | None = None,
        progress: Listener | None = None,
    ) -> Int8Network:
        """The int8 network: post-training quantisation on the images that the network was loaded with.

        Args:
            options: of the quantiser; None: those that the network was loaded with.
            calibrate: other photographs or .npy arrays to choose the ranges on: a folder, a file or a list of files.
            progress: is told about the step.

        Raises:
            ModelError: the files cannot be used, or the network is quantised already and something is given here.
        """
        from hwgen.compiler.frontend.load import calibrated, quantiser_options
        from hwgen.compiler.int8.graph import QGraph

        if isinstance(self.loaded, QGraph):
            if options is not None or calibrate is not None:
                raise ModelError(f"{self.name}: is quantised already; leave out options of the quantiser")
            return Int8Network(self.source, self.loaded)
        source, network = self.source, self.loaded
        if options is not None:
            source = replace(source, options=replace(source.options, **vars(options)))
        if calibrate is not None:
            source = replace(source, options=replace(source.options, calibrate=calibrate))
            network = calibrated(network, calibrate)
        with step(progress, "quantiser"):
            graph = network.quantised(quantiser_options(source.options)).network
        for text in graph.notes:
            note(progress, f"note: {text}")
        return Int8Network(source, graph)


def load(
    source: str | PathLike[str], options: NetworkOptions = STANDARD, *, progress: Listener | None = None
) -> Network:
    """Load a network.

    Args:
        source: a name of the zoo (`hwgen.list_models` lists them), or a .tflite, .onnx or .graph file.
        options: its size, weights and quantisation, as far as they are not in the file.
        progress: is told about the step.

    Raises:
        ModelError: there is no such network, its file is damaged, or it does not have such options, or onnx's reference evaluator
            computes something else of it; in one line.
        UnsupportedOpError: a model's file has operators that hwgen does not have; lists them all.
    """
    from hwgen.compiler.frontend import load as frontend
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.flow.onnx_check import checked

    asked = NetworkSource(fspath(source), options)
    with step(progress, "network"):
        loaded = checked(frontend.load(asked.text, options), asked)
        if not isinstance(loaded, QGraph):
            frontend.quantiser_options(options)  # a value that it does not have is refused here
    if isinstance(loaded, QGraph):
        for text in loaded.notes:
            note(progress, f"note: {text}")
    return Network(asked, loaded)


def quantise(
    network: Network,
    options: QuantiseOptions | None = None,
    *,
    calibrate: Source | None = None,
    progress: Listener | None = None,
) -> Int8Network:
    """`Network.quantise` as a function."""
    return network.quantise(options, calibrate=calibrate, progress=progress)


def int8(network: Network | Int8Network, progress: Listener | None = None) -> Int8Network:
    """A network's int8 form, with the quantiser's options that it was loaded with unless it is one."""
    return network if isinstance(network, Int8Network) else network.quantise(progress=progress)

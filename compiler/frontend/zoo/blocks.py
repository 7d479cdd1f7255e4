"""What the zoo's definitions are built from."""

from __future__ import annotations

from hwgen.compiler.graph.graph import Builder
from hwgen.hw.isa.ceil_div import ceil_div

Pads = tuple[int, int, int, int]


def rounded(channels: float, divisor: int = 8) -> int:
    """A multiple of `divisor` near `channels`, at least nine tenths of it (torchvision's and the papers' rule)."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * channels else nearest + divisor


def same_pads(size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]) -> Pads:
    """Padding that makes ceil(size / stride) outputs, the odd one at the end (TensorFlow's "SAME")."""
    pads: list[int] = []
    for length, span, step in zip(size, kernel, stride, strict=True):
        total = max((ceil_div(length, step) - 1) * step + span - length, 0)
        pads += [total // 2, total - total // 2]
    return (pads[0], pads[1], pads[2], pads[3])


class Net(Builder):
    """A builder with the usual layers; every method returns the name of the tensor that it makes.

    Parameters:
        name: of the graph.
        eps: of the batch norms.
    """

    def __init__(self, name: str, eps: float = 1e-5) -> None:
        super().__init__(name)
        self.eps = eps

    def image(self, resolution: int) -> str:
        """The input: a square picture of three colours."""
        return self.add("image", "input", shape=(resolution, resolution, 3))

    def channels(self, x: str) -> int:
        """Channels of a tensor."""
        return self.shapes[x][2]

    def conv(
        self,
        name: str,
        x: str,
        channels: int = 0,
        kernel: int | tuple[int, int] = 1,
        stride: int | tuple[int, int] = 1,
        *,
        pad: int | Pads | None = None,
        groups: int = 1,
        depthwise: bool = False,
        bias: bool = False,
        norm: str = "",
        activation: str = "",
    ) -> str:
        """Convolution, batch norm with the name `norm` and activation (an operation's name), each if there is one.

        `pad` None: half the kernel on every side.  A depthwise convolution keeps the input's channels.
        """
        kernel_y, kernel_x = (kernel, kernel) if isinstance(kernel, int) else kernel
        if pad is None:
            pad = (kernel_y // 2, kernel_y // 2, kernel_x // 2, kernel_x // 2)
        y = self.add(
            name,
            "conv2d",
            x,
            channels=self.channels(x) if depthwise else channels,
            kernel=(kernel_y, kernel_x),
            stride=(stride, stride) if isinstance(stride, int) else stride,
            pad=(pad,) * 4 if isinstance(pad, int) else pad,
            groups=self.channels(x) if depthwise else groups,
            weight=f"{name}.weight",
            bias=f"{name}.bias" if bias else "",
        )
        if norm:
            y = self.add(norm, "batch_norm", y, norm=norm, eps=self.eps)
        return self.activate(y, activation)

    def activate(self, x: str, activation: str) -> str:
        """An activation; `x` itself if it is the empty name."""
        return self.add(f"{x}/{activation}", activation, x) if activation else x

    def dense(self, name: str, x: str, channels: int, activation: str = "") -> str:
        """A fully connected layer with bias."""
        y = self.add(name, "fully_connected", x, channels=channels, weight=f"{name}.weight", bias=f"{name}.bias")
        return self.activate(y, activation)

    def squeeze_excite(
        self, name: str, x: str, channels: int, *, gate: str, activation: str = "relu", layers: tuple[str, str]
    ) -> str:
        """A factor for each channel, from the means of all of them (Hu et al. 2017): 1x1 to `channels` and back.

        `layers`: names of the two convolutions, behind the block's; `gate` bounds the factors.
        """
        squeeze, expand = (f"{name}.{layer}" for layer in layers)
        y = self.add(f"{name}.pool", "global_avg_pool", x)
        y = self.conv(squeeze, y, channels, bias=True, activation=activation)
        y = self.conv(expand, y, self.channels(x), bias=True, activation=gate)
        return self.add(name, "mul", x, y)

    def max_pool(self, name: str, x: str, kernel: int = 3, stride: int = 2, *, pad: int = 0, ceil: bool = False) -> str:
        """A square maximum pool; with `ceil` a last window may reach beyond the edge (torch's ceil mode)."""
        pads = [pad, pad, pad, pad]
        for axis in (0, 1) if ceil else ():
            rest = (self.shapes[x][axis] + 2 * pad - kernel) % stride
            pads[2 * axis + 1] += (stride - rest) % stride
        return self.add(name, "max_pool", x, kernel=(kernel, kernel), stride=(stride, stride), pad=tuple(pads))

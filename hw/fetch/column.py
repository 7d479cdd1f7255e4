"""What travels from the fetch to the window: one column of the kernel's rows."""

from __future__ import annotations

from amaranth.hdl import ShapeLike
from amaranth.lib import data


def column_layout(lanes: int, blocks: bool = False) -> data.StructLayout:
    """Payload of a column: `lanes` channels of three rows; `blocks`: the window's kernels may consist of several blocks.

    rows: the three rows' bytes, lane 0 least significant; rows beyond `kernel_h` read as `fill`.
    start: first column of a subgroup of channels, or of one of its blocks.
    emit: an output (of a block: a part of its sum) is due with this column.
    rows_cut: some of the kernel's rows lie outside the tensor.
    cols_cut: some of this output's columns do (valid with `emit`).
    last: last column of the pass.
    opens, closes (only with `blocks`): of the kernel's first block, of its last block.
    """
    fields: dict[str, ShapeLike] = {
        "rows": data.ArrayLayout(8 * lanes, 3),
        "start": 1,
        "emit": 1,
        "rows_cut": 1,
        "cols_cut": 1,
        "last": 1,
    }
    if blocks:
        fields |= {"opens": 1, "closes": 1}
    return data.StructLayout(fields)

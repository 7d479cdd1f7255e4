"""Draws the figures of the documentation: `python docs/drawings/draw.py` writes each as an SVG beside this file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from drawing import Drawing

FOLDER = Path(__file__).parent


def overview() -> Drawing:
    """The whole loop; the numbers are those of the first page."""
    d = Drawing(876, 460, "The way of a pixel through the machine")
    d.box(20, 24, 110, 50, "host\nUSB, serial", "outside")
    d.box(330, 24, 110, 50, "SDRAM\noutside", "outside")
    d.box(500, 24, 110, 50, "DMA\nreads in order", "control")
    d.box(718, 24, 140, 50, "weight memory\nC bytes a word", "memory")
    d.wire((130, 49), (330, 49))
    d.text(230, 42, "image, weights, program", "note", "middle")
    d.wire((440, 49), (500, 49))
    d.wire((610, 49), (718, 49))
    d.wire((788, 74), (788, 150))
    d.wire((555, 74), (555, 94), (104, 94), (104, 150))
    d.text(330, 89, "the picture's rows", "note", "middle")
    d.wire((46, 150), (46, 74))
    d.text(54, 124, "result", "note")
    d.box(20, 150, 110, 220, "activation\n*memory\n\n4 banks:\nrow y lies in\nbank y mod 4", "memory")
    d.box(180, 150, 80, 60, "fetch\n+ padding", "unit", 1)
    d.box(300, 150, 120, 60, "window\nline buffer, 3 x 3", "unit", 2)
    d.box(460, 150, 100, 60, "requantise\nto 8 bits", "unit", 3)
    d.box(600, 150, 90, 60, "pixel ring\na few tiles", "memory", 4)
    d.box(730, 150, 128, 60, "systolic array\nR x C multipliers", "unit", 5)
    for start, end in ((130, 180), (260, 300), (420, 460), (560, 600), (690, 730)):
        d.wire((start, 180), (end, 180))
    d.wire((220, 150), (220, 126), (645, 126), (645, 150))
    d.text(432, 121, "1 x 1 and k x k convolutions go past the window", "note", "middle")
    d.wire((510, 210), (510, 242), (280, 242))
    d.text(395, 236, "pooling, a depthwise layer alone", "note", "middle")
    d.box(180, 226, 100, 32, "row writer", "unit")
    d.wire((180, 242), (130, 242))
    d.wire((130, 284), (575, 284), (575, 310))
    d.text(350, 278, "second operand: the shortcut of a residual block", "note", "middle")
    d.box(720, 310, 138, 60, "collector\nand requantise", "unit", 6)
    d.box(520, 310, 110, 60, "combine\nadd, multiply", "unit", 7)
    d.box(290, 310, 140, 60, "crossbar, writer\nchannel shuffle", "unit", 8)
    d.wire((788, 210), (788, 310))
    d.wire((720, 340), (630, 340))
    d.wire((520, 340), (430, 340))
    d.wire((290, 340), (130, 340))
    d.box(290, 405, 568, 36, "sequencer: starts every pass by its descriptor, counts its cycles", "control")
    d.text(20, 398, "blue: memories", "note")
    d.text(20, 414, "green: arithmetic, moving data", "note")
    d.text(20, 430, "orange: control", "note")
    d.text(20, 446, "grey: outside of the FPGA", "note")
    return d


def window() -> Drawing:
    """Four banks as a line buffer, and the window that slides along three rows."""
    d = Drawing(760, 330, "Row banks as a line buffer")
    d.text(20, 28, "feature map: the three rows under the kernel", "head")
    d.cells(20, 45, 10, 7, 26, lambda x, y: "hot" if 3 <= x <= 5 and 2 <= y <= 4 else "memory")
    for y in range(7):
        d.text(290, 63 + 26 * y, f"row {y}: bank {y % 4}", "small")
    d.text(20, 250, "Three neighbouring rows lie in three different banks:", "note")
    d.text(20, 266, "all of them are read in the same cycle, none is copied.", "note")
    d.wire((390, 136), (450, 136))
    d.text(420, 126, "a column", "note", "middle")
    d.text(420, 154, "a cycle", "note", "middle")
    d.box(450, 60, 130, 150, "", "unit")
    d.text(515, 52, "window", "head", "middle")
    d.cells(476, 76, 3, 3, 26, lambda x, y: "hot")
    for y in range(3):
        for x in range(3):
            d.text(489 + 26 * x, 93 + 26 * y, "w", "small", "middle")
    d.text(515, 178, "9 products,", "small", "middle")
    d.text(515, 195, "one sum a channel", "small", "middle")
    d.wire((580, 136), (625, 136))
    d.box(625, 106, 115, 60, "requantise\nround to int8", "unit")
    d.text(450, 240, "A column a cycle moves through the taps;", "note")
    d.text(450, 256, "with stride 2 every second sum is taken.", "note")
    d.text(450, 272, "The same taps give maxima and averages.", "note")
    d.text(
        20,
        306,
        "L channels (4 or 8) of a pixel go side by side; a map with more channels takes several runs along the row.",
        "note",
    )
    return d


def array() -> Drawing:
    """Pixels of a tile enter from the left, weights from above, sums stay."""
    d = Drawing(760, 400, "The output-stationary systolic array")
    d.text(20, 28, "pixel ring", "head")
    d.text(20, 46, "a tile: R pixels in raster order", "note")
    for row in range(4):
        y = 110 + 52 * row
        d.box(20, y, 110, 34, f"pixel {row}", "memory")
        d.wire((130, y + 17), (250, y + 17))
        d.text(
            190, y + 11, f"{row} cycles late" if row > 1 else ("1 cycle late" if row else "byte k"), "note", "middle"
        )
    d.text(280, 28, "weight memory", "head")
    d.text(280, 46, "word k: the k-th weight of C output channels", "note")
    for column in range(4):
        x = 276 + 78 * column
        d.wire((x, 62), (x, 104))
        for row in range(4):
            y = 104 + 52 * row
            d.box(x - 26, y, 54, 44, "x, +\nsum", "unit")
            if column < 3:
                d.wire((x + 28, y + 22), (x + 52, y + 22))
            if row < 3:
                d.wire((x, y + 44), (x, y + 52), tip=False)
    d.text(276, 334, "channel 0", "small", "middle")
    d.text(510, 334, "channel C - 1", "small", "middle")
    d.wire((590, 290), (590, 110))
    d.text(604, 140, "finished sums are", "note")
    d.text(604, 156, "captured and shifted", "note")
    d.text(604, 172, "out of the top of the", "note")
    d.text(604, 188, "columns, while the", "note")
    d.text(604, 204, "next sums begin", "note")
    d.box(600, 54, 140, 46, "collector\nand requantise", "unit")
    d.text(
        20,
        364,
        "Every element does one multiply-accumulate per cycle in one multiplier block of the FPGA; values move between",
        "note",
    )
    d.text(
        20,
        381,
        "neighbours only. After K steps (K = kernel height x width x input channels) all sums of the tile are complete.",
        "note",
    )
    return d


def block() -> Drawing:
    """Two passes of a MobileNet v2 block."""
    d = Drawing(760, 330, "A MobileNet v2 block as two passes")
    d.text(20, 28, "pass 1: expand", "head")
    stages = (
        ("fetch", "unit"),
        ("window", "plain"),
        ("pixel ring", "memory"),
        ("array\n1 x 1, 24 > 144", "unit"),
        ("combine", "plain"),
        ("writer", "unit"),
    )
    second = (
        ("fetch", "unit"),
        ("window\ndepthwise 3 x 3", "unit"),
        ("pixel ring", "memory"),
        ("array\n1 x 1, 144 > 24", "unit"),
        ("combine\n+ shortcut", "unit"),
        ("writer", "unit"),
    )
    for top, row in ((45, stages), (170, second)):
        for i, (words, kind) in enumerate(row):
            x = 20 + 122 * i
            d.box(x, top, 108, 50, words, kind)
            if i:
                d.wire((x - 14, top + 25), (x, top + 25), tip=kind != "plain")
    d.text(20, 115, "reads x (24 channels), writes t (144 channels)", "note")
    d.text(20, 153, "pass 2: depthwise, project and residual sum in one", "head")
    d.text(20, 240, "reads t (144 channels), and x again as second operand; writes y (24 channels)", "note")
    d.text(
        20,
        275,
        "Outlined boxes are bypassed in a pass. The depthwise result goes from the window into the array by the pixel ring:",
        "note",
    )
    d.text(
        20,
        292,
        "it is never stored. Nor is the projection before its sum. Where t does not fit the memory, the two passes take turns,",
        "note",
    )
    d.text(20, 309, "a few rows each (see stripes).", "note")
    return d


def stripes() -> Drawing:
    """Passes of a fusion group in turns, over circular row buffers."""
    d = Drawing(760, 310, "Stripes of a fusion group")
    for x, title, live in (
        (20, "x: whole", range(0, 12)),
        (300, "t: circular buffer", range(4, 8)),
        (560, "y: whole", range(0, 12)),
    ):
        d.text(x, 28, title, "head")
        for row in range(12):
            kind = "memory" if row in live else "plain"
            if x == 560 and row > 5:
                kind = "plain"
            d.parts.append(f'<rect class="{kind}" x="{x}" y="{42 + 16 * row}" width="120" height="14"/>')
    d.wire((140, 146), (300, 146))
    d.text(220, 136, "expand,", "small", "middle")
    d.text(220, 164, "a stripe of 4 rows", "note", "middle")
    d.wire((420, 120), (560, 120))
    d.text(490, 96, "depthwise,", "small", "middle")
    d.text(490, 112, "project", "small", "middle")
    d.text(490, 138, "a stripe of 2 rows", "note", "middle")
    d.text(
        20,
        258,
        "Blue rows are in the activation memory now. Of t only the rows that the 3 x 3 kernel still needs are kept; the next",
        "note",
    )
    d.text(
        20,
        275,
        "stripe of the expansion overwrites the oldest ones. The weights of the whole group stay on the chip.",
        "note",
    )
    d.text(20, 292, "Order of the passes: expand rows 0-3, project 0-1, expand 4-7, project 2-5, ...", "note")
    return d


def stream() -> Drawing:
    """The command stream, and how the DMA runs ahead of the passes."""
    d = Drawing(760, 300, "The command stream and the passes")
    d.text(20, 28, "SDRAM: the command stream, read once from left to right", "head")
    packets = (
        ("image\nrows 0-7", "memory", 90),
        ("weights\npass 0", "memory", 80),
        ("param.\npass 0", "memory", 70),
        ("descr.\npass 0", "control", 70),
        ("weights\npass 1", "memory", 120),
        ("descr.\npass 1", "control", 70),
        ("weights\npass 2", "memory", 110),
        ("descr.\npass 2", "control", 70),
    )
    x = 20.0
    for words, kind, width in packets:
        d.box(x, 42, width, 46, words, kind)
        x += width + 3
    d.text(20, 122, "time", "head")
    d.text(20, 151, "DMA", "small")
    for start, width, words in ((70, 150, "pass 0"), (222, 150, "pass 1"), (374, 140, "pass 2"), (516, 130, "pass 3")):
        d.box(start, 132, width, 30, words, "memory")
    d.text(20, 195, "core", "small")
    d.box(222, 176, 150, 30, "pass 0", "unit")
    d.box(374, 176, 90, 30, "pass 1", "unit")
    d.box(516, 176, 110, 30, "pass 2", "unit")
    d.box(466, 176, 48, 30, "", "hot")
    d.text(490, 195, "wait", "small", "middle")
    d.text(
        20,
        240,
        "A descriptor stands behind everything that its pass needs, so its arrival is the permission to start. Passes do not",
        "note",
    )
    d.text(
        20,
        257,
        "overlap; only the DMA runs ahead. Where the weights of a pass take longer than the pass before it, the core waits.",
        "note",
    )
    d.text(
        20,
        274,
        "Both lines follow from the plan alone, with no random part: that is why cycles can be predicted to the last one.",
        "note",
    )
    return d


def compiler() -> Drawing:
    """Folders of the compiler in the order of the pipeline."""
    d = Drawing(760, 250, "The compiler, from file to program")
    steps = (
        ("frontend\n.tflite .onnx zoo", "outside"),
        ("graph\nfloat, text form", "memory"),
        ("transforms\nfold, fuse", "unit"),
        ("quantise\ncalibrate, round", "unit"),
        ("int8\ninteger graph", "memory"),
        ("legalise\nwhat the core has", "unit"),
        ("lower\nlogical passes", "unit"),
        ("tiling\nstripes, places", "unit"),
        ("weight_schedule\norder of packets", "unit"),
        ("program\ndescriptors", "memory"),
    )
    for i, (words, kind) in enumerate(steps):
        row, column = divmod(i, 5)
        x, y = 14 + 147 * column, 40 + 96 * row
        d.box(x, y, 135, 54, words, kind)
        if column:
            d.wire((x - 12, y + 27), (x, y + 27))
    d.wire((669, 94), (669, 115), (81, 115), (81, 136))
    d.text(
        20,
        218,
        "plan tries cores: for each it calls lower to program, asks the timing model (sim/timing) for the cycles, and keeps",
        "note",
    )
    d.text(
        20,
        235,
        "the best. A .tflite file has its integers already and enters at int8; so does a quantised ONNX file.",
        "note",
    )
    return d


WAVES = (
    # signals of the tutorial's simulation, each with the cycles in which it is 1, counted from `start` (first, past the last)
    ("start", "the pass begins", [(0, 1)]),
    ("fetch.o_word__valid", "words leave the fetch", [(11, 139)]),
    ("row_done", "a row of pixels is in the pixel ring", [(28 + 16 * row, 29 + 16 * row) for row in range(8)]),
    (
        "issuing",
        "the array accumulates",
        [
            (32, 41),
            (48, 65),
            (66, 75),
            (76, 77),
            (80, 97),
            *((98 + 10 * tile, 107 + 10 * tile) for tile in range(7)),
            (168, 169),
        ],
    ),
    (
        "collector.o__valid",
        "segments leave the collector",
        [(x, x + 1) for x in (*range(70, 79, 2), *range(86, 115, 2), *range(118, 207, 2))],
    ),
    (
        "writer.valid",
        "words reach the memory",
        [(x, x + 1) for x in (*range(72, 81, 2), *range(88, 117, 2), *range(120, 207, 2))],
    ),
    ("done", "the pass is over", [(210, 211)]),
)


def waves() -> Drawing:
    """The one pass of the tutorial, from its waveform."""
    d = Drawing(800, 360, "Signals of one pass")
    left, scale = 226, 2.55
    for cycle in range(0, 220, 20):
        x = left + scale * cycle
        d.wire((x, 36), (x, 345), dashed=True, tip=False)
        d.text(x, 28, str(cycle), "note", "middle")
    d.text(20, 28, "cycle", "note")
    for i, (name, meaning, high) in enumerate(WAVES):
        y = 60 + 43 * i
        d.text(20, y, name, "small")
        d.text(20, y + 16, meaning, "note")
        d.wire((left, y + 14), (left + scale * 216, y + 14), tip=False)
        for first, past in high:
            d.parts.append(
                f'<rect class="unit" x="{left + scale * first:g}" y="{y - 8}" width="{scale * (past - first):g}" height="22"/>'
            )
    return d


DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "overview": overview,
    "window": window,
    "array": array,
    "block": block,
    "stripes": stripes,
    "stream": stream,
    "compiler": compiler,
    "waves": waves,
}


def main() -> None:
    for name, draw in DRAWINGS.items():
        (FOLDER / f"{name}.svg").write_text(str(draw()))


if __name__ == "__main__":
    main()

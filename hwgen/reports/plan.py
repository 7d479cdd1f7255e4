"""A plan in words: tables for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table

from hwgen.compiler.tiling.memory import window_rows
from hwgen.compiler.tiling.spilling import STORE_CYCLES
from hwgen.compiler.weight_schedule.schedule import streamed_bytes
from hwgen.hw.isa.config import BANKS, PARAMETER_BITS, WORD_BYTES
from hwgen.hw.isa.counters import RECORDED_PASSES
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.isa.packets import PacketKind
from hwgen.reports import elements
from hwgen.reports.build import ON_CHIP, SDRAM
from hwgen.reports.tables import fitted, rendered

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan

SCHEMA_VERSION = 2
_WIDTH = 128
_LEAST_WANTED = ("K", "MAC/cycle", "map", "phase", "bank words", "times", "channels", "rows kept")
_NAME = 56  # characters of the first column; imported tensors may have endless names


def plan_json(plan: Plan) -> dict[str, Any]:
    """All of a plan but the weights, as JSON types."""
    return {
        "schema": SCHEMA_VERSION,
        "network": plan.graph.name,
        "weights": plan.graph.provenance,
        "board": plan.board,
        "part": plan.part.name,
        "core": asdict(plan.config),
        "clock_mhz": plan.timing.clock_hz / 1e6,
        "macs": plan.graph.macs,
        "array_macs": plan.array_macs,
        "frames": plan.frames,
        "cycles": plan.cycles,
        "cycles_per_frame": plan.cycles_per_frame,
        "fps": plan.fps,
        "one_at_a_time": None if plan.single is None else {"cycles": plan.single.cycles, "fps": plan.single.fps},
        "mac_utilisation": plan.array_macs / (plan.cycles * plan.config.macs_per_cycle),
        "resources": {
            name: {"used": used, "available": available, "exact": exact}
            for name, used, available, exact in _resources(plan)
        },
        "memories": plan.resources.memories,
        "weight_memory": ON_CHIP if plan.on_chip else SDRAM,
        "stream_bytes": plan.program.stream_bytes,
        "spilled": [
            {"tensor": name, "times": times, "bytes": size, "sdram_cycles": cycles}
            for name, times, size, cycles in _spilled(plan)
        ],
        "weight_bytes_streamed": streamed_bytes(plan.loads, plan.config),
        "passes": [
            {
                "name": entry.name,
                "start": entry.start,
                "cycles": entry.cycles,
                "wait": entry.wait,
                "bound": entry.bound,
                "rows": step.rows,
                "first_row": step.first_row,
                "channels": step.channels,
                "first_channel": step.first_channel,
                "macs": macs,
            }
            for entry, step, macs in zip(plan.passes, plan.fit.steps, plan.program.macs, strict=True)
        ],
        "tensors": [
            {"name": name, **asdict(plan.fit.layouts[name]), **_life(plan, name)} for name in plan.lowered.buffers
        ],
        "loads": [
            {
                "kind": load.kind.name,
                "pass": load.step,
                "address": load.address,
                "first": load.first,
                "count": load.count,
                "wait": load.wait,
            }
            for step in plan.loads
            for load in step.loads
        ],
    }


def plan_text(plan: Plan, width: int | None = None) -> str:
    """Tables: passes, memory map, weights, resources, totals; without what lines of `width` characters do not hold."""
    tables = [
        _passes(plan),
        _memory(plan),
        _residents(plan) if plan.on_chip else _weights(plan),
        *([_spills(plan)] if plan.lowered.copies else []),
        _needs(plan),
        _totals(plan),
    ]
    content = Group(
        f"{plan.graph.name} on {plan.board} ({plan.part.name}), weights: {plan.graph.provenance}",
        *(fitted(table, width, _LEAST_WANTED) for table in tables),
    )
    return rendered(content, width or _WIDTH).rstrip()


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(
            column, justify="left" if i == 0 else "right", no_wrap=True, max_width=_NAME if i == 0 else None
        )
    return table


def _passes(plan: Plan) -> Table:
    """A line for every pass that differs from the one before; stripes and tiles of one pass are joined, of a batch all of a pass."""
    batch = plan.frames > 1
    title = f"Passes of all {plan.frames} frames" if batch else "Passes"
    table = _table(title, "pass", "times", "map", "channels", "K", "cycles", "waiting", "MAC/cycle", "bound")
    groups: dict[object, list[int]] = {}
    steps = plan.fit.steps
    for i, step in enumerate(steps):
        again = i > 0 and steps[i - 1].source is step.source
        key: object = step.source.name if batch else next(reversed(groups)) if again else i
        groups.setdefault(key, []).append(i)
    for group in groups.values():
        first, last = steps[group[0]], steps[group[-1]]
        entries = [plan.passes[i] for i in group]
        cycles, wait = sum(entry.cycles for entry in entries), sum(entry.wait for entry in entries)
        macs = sum(plan.program.macs[i] for i in group)
        source = first.source
        rows = "" if batch or first.rows == source.height else f"[{first.first_row}:{last.past_row}]"
        bounds = [entry.bound for entry in entries]
        table.add_row(
            source.name + rows,
            str(len(group)),
            f"{source.height}x{source.width}",
            f"{source.input.channels}>{source.channels}",
            str(source.depth or "-"),
            f"{cycles:,}",
            f"{wait:,}",
            f"{macs / cycles:.1f}",
            max(set(bounds), key=bounds.count),
        )
    return table


def _life(plan: Plan, name: str) -> dict[str, int]:
    life = plan.fit.lives[name]
    return {"first_pass": int(life.start.min()), "last_pass": int(life.end.max())}


def _memory(plan: Plan) -> Table:
    title = "Activation memory, of a batch the frames whose places differ" if plan.frames > 1 else "Activation memory"
    table = _table(title, "tensor", "shape", "rows kept", "KiB", "bank words", "phase", "passes")
    known = set()
    for name, buffer in plan.lowered.buffers.items():
        layout, life = plan.fit.layouts[name], _life(plan, name)
        if plan.frames > 1 and (place := (name.rpartition("#")[0], layout)) in known:
            continue
        if plan.frames > 1:
            known.add(place)
        words = layout.depth // BANKS * layout.row_words
        table.add_row(
            name,
            f"{buffer.height}x{buffer.width}x{buffer.channels}",
            str(min(layout.depth, window_rows(plan.fit.lives[name]))),
            f"{window_rows(plan.fit.lives[name]) * buffer.row_words * WORD_BYTES / 1024:.1f}",
            f"{layout.base}..{layout.base + words - 1}",
            str(layout.phase),
            f"{life['first_pass']}..{life['last_pass']}",
        )
    return table


def _weights(plan: Plan) -> Table:
    table = _table("Command stream", "packets", "count", "KiB", "that wait for a pass")
    for kind in PacketKind:
        packets = [packet for packet in plan.program.packets if packet.kind == kind]
        if not packets:
            continue
        size = sum(2 * packet.units * packet.halfwords for packet in packets)
        waiting = sum(packet.wait > 0 for packet in packets)
        table.add_row(kind.name.lower(), str(len(packets)), f"{size / 1024:,.1f}", str(waiting))
    return table


def _spilled(plan: Plan) -> list[tuple[str, int, int, int]]:
    """(tensor, times, bytes, cycles of the SDRAM) of what is stored and brought back; bytes and cycles of all times."""
    found = []
    for name, copies in plan.lowered.copies.items():
        rows = sum(int((plan.fit.lives[copy].end >= 0).sum()) for copy in copies)
        size = rows * plan.lowered.buffers[name].row_words * WORD_BYTES
        found.append((name, len(copies), size, STORE_CYCLES * size // 2))
    return found


def _spills(plan: Plan) -> Table:
    table = _table("Tensors that go to the SDRAM and come back", "tensor", "times", "KiB", "cycles of the SDRAM")
    for name, times, size, cycles in _spilled(plan):
        table.add_row(name, str(times), f"{size / 1024:,.1f}", f"{cycles:,}")
    return table


def _residents(plan: Plan) -> Table:
    """What block RAM holds from power-on, instead of a command stream."""
    config, content = plan.config, plan.program.resident
    assert content is not None
    table = _table("Initial content of block RAM (no SDRAM)", "memory", "words", "bits", "KiB", "in use")
    memories = (
        ("weights", content.weights, 8 * config.cols),
        ("lane parameters", content.parameters, PARAMETER_BITS),
        ("window parameters", content.window, PARAMETER_BITS // 4 * config.window_lanes),
        ("descriptors", content.descriptors, Descriptor.size),
    )
    for name, words, bits in memories:
        if not words:
            continue
        used = len(words) - next((i for i, word in enumerate(reversed(words)) if word), len(words))
        table.add_row(name, f"{len(words):,}", str(bits), f"{len(words) * bits / 8192:,.1f}", f"{used:,}")
    return table


def _resources(plan: Plan) -> list[tuple[str, int, int, bool]]:
    needs, part = plan.resources, plan.part
    return [
        ("lut", needs.lut, part.lut, False),
        ("ff", needs.ff, part.ff, False),
        ("dsp", needs.dsp, part.dsp, True),
        ("ebr", needs.ebr, part.ebr, True),
    ]


def _needs(plan: Plan) -> Table:
    table = _table("Resources", "resource", "needed", "available", "")
    for name, used, available, exact in _resources(plan):
        table.add_row(name.upper(), f"{used:,}", f"{available:,}", "" if exact else "estimate")
    for name, blocks in plan.resources.memories.items():
        table.add_row(f"  EBR {name}", str(blocks), "", "")
    return table


def _pass_count(count: int) -> str:
    more = f", the first {RECORDED_PASSES} of them in the counters" if count > RECORDED_PASSES else ""
    return f"{count}{more}"


def _totals(plan: Plan) -> Table:
    config, timing = plan.config, plan.timing
    table = _table("Totals", "", " ")
    waiting = sum(entry.wait for entry in plan.passes)
    rows = [
        *elements.lines(plan),
        ("passes", _pass_count(len(plan.passes))),
        ("stream", f"{plan.program.stream_bytes / 1024:,.0f} KiB"),
        (
            "cycles per frame" if plan.single is None else f"cycles per batch of {plan.frames} frames",
            f"{plan.cycles:,}",
        ),
        ("  in passes", f"{sum(entry.cycles for entry in plan.passes):,}"),
        ("  waiting for descriptors" if plan.on_chip else "  waiting for weights and image", f"{waiting:,}"),
        ("  between passes", f"{plan.cycles - waiting - sum(entry.cycles for entry in plan.passes):,}"),
        ("array utilisation", f"{100 * plan.array_macs / (plan.cycles * config.macs_per_cycle):.1f} %"),
        ("clock", f"{timing.clock_hz / 1e6:g} MHz"),
        *([] if timing.memory_hz == timing.clock_hz else [("clock of the SDRAM", f"{timing.memory_hz / 1e6:g} MHz")]),
        ("frames per second", f"{plan.fps:.1f}"),
    ]
    if plan.single is not None:
        later, alone = plan.cycles / timing.clock_hz, plan.single.cycles / timing.clock_hz
        rows += [
            ("cycles per frame", f"{plan.cycles_per_frame:,.0f}"),
            ("latency, from the first image to all results", f"{1000 * later:.1f} ms"),
            (
                "one frame at a time",
                f"{plan.single.cycles:,} cycles, {1000 * alone:.1f} ms, {1 / alone:.1f} per second",
            ),
        ]
    for name, value in rows:
        table.add_row(name, value)
    return table

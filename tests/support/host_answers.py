"""What the host's benches got over the serial line, against program, timing model and golden model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hwgen.compiler.plan.result import PassTiming
from hwgen.compiler.program.program import Program
from hwgen.hw.isa.counters import BY_CAUSE, RECORD_WORDS, Counter
from hwgen.sim.frame.simulate import FrameResult


def check_records(records: np.ndarray, frame_cycles: int) -> None:
    """The causes of every pass are all its cycles, and those of all passes the frame's.

    Args:
        records: int64 [passes, RECORD_WORDS].
    """
    inside = [counter for counter in BY_CAUSE if counter != Counter.WAIT]
    np.testing.assert_array_equal(records[:, inside].sum(axis=1), records[:, Counter.CYCLES])
    assert records[:, BY_CAUSE].sum() == frame_cycles


def check_answers(
    answers: dict[str, Any],
    simulated: FrameResult,
    program: Program,
    passes: Sequence[PassTiming],
    output: np.ndarray,
    build: int,
    clock_hz: int,
) -> None:
    """The machine says what it is and how it fares; the result is the golden one, and every pass took the predicted cycles. Its counters
    are those of the simulation's trace."""
    assert (answers["build"], answers["clock_hz"]) == (build, clock_hz)
    assert (answers["busy"], answers["errors"], answers["passes_done"]) == (False, 0, len(program.names))
    octets = np.frombuffer(bytes.fromhex("".join(answers["result"])), np.int8)
    assert np.array_equal(octets[: program.result_shape[2]], output.ravel())
    records = np.frombuffer(bytes.fromhex(answers["records"]), "<u4").reshape(-1, RECORD_WORDS)
    assert answers["frame_cycles"] == simulated.cycles
    check_records(records.astype(np.int64), simulated.cycles)
    np.testing.assert_array_equal(records, simulated.counters)
    measured = list(zip(program.names, records[:, Counter.CYCLES].tolist(), strict=True))
    assert measured == [(entry.name, entry.cycles) for entry in passes]

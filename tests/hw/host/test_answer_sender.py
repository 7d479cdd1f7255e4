"""Answer sender: whole answers, to the byte and to the cycle."""

from __future__ import annotations

from pathlib import Path

from hwgen.hw.host.answer_sender import AnswerSender
from hwgen.sim.harness.runner import simulate
from tests.support.with_crc import WithCrc


def test_answer_sender(bench_dir: Path) -> None:
    simulate(
        WithCrc(AnswerSender()),
        name="answer_sender",
        test_module="tests.cocotb.bench_answer_sender",
        build_dir=bench_dir,
        env={"LATENCY": str(AnswerSender.LATENCY)},
    )

"""The onnx package's backend suite: no case may fail, and what passed once stays."""

from __future__ import annotations

import collections

from tests.onnx_suite import FAILED, PASSED, UNSUPPORTED, run, summary

LEAST_PASSED = {"node": 175, "pytorch-converted": 50, "pytorch-operator": 20}


def test_backend_suite() -> None:
    outcomes = list(run())
    print(summary(outcomes))
    assert [f"{outcome.name}: {outcome.text}" for outcome in outcomes if outcome.result == FAILED] == []
    passed = collections.Counter(outcome.kind for outcome in outcomes if outcome.result == PASSED)
    assert all(passed[kind] >= least for kind, least in LEAST_PASSED.items()), passed
    refused = {outcome.name: outcome.text for outcome in outcomes if outcome.result == UNSUPPORTED}
    assert "nearest" in refused["test_elu"] and "3 dimensions" in refused["test_Conv3d"]

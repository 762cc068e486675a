"""The checkpoint's file keeps its keys, whatever its fields are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from training.trainer import checkpoint
from training.trainer.checkpoint import TrainState

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "seconds",
    "stage",
    "step",
    "network",
    "average",
    "began",
    "losses",
    "optimiser",
    "scaler",
    "best",
    "identity",
    "own_captions",
    "kept",
}
CPU = torch.device("cpu")


def learnt(layer: torch.nn.Linear) -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return optimizer


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(2, 1)
    state = TrainState.of(layer.state_dict())
    optimizer, scaler = learnt(layer), torch.amp.GradScaler("cpu", enabled=False)
    state.step, state.seconds, state.losses = 1, 2.5, [(0, 0, 0.5)]
    checkpoint.save(state, tmp_path, optimizer, scaler)
    table = checkpoint.load(tmp_path)
    assert set(table) == KEYS
    assert (tmp_path / "losses.csv").read_text() == "stage,step,loss\n0,0,0.5\n"
    again = TrainState.from_table(table, CPU)
    assert (again.stage, again.step, again.seconds, again.losses) == (0, 1, 2.5, [(0, 0, 0.5)])
    for mine, theirs in (
        (again.network, layer.state_dict()),
        (again.ema_weights, state.ema_weights),
    ):
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert not torch.equal(again.network["weight"], again.ema_weights["weight"])
    other = torch.nn.Linear(2, 1)
    fresh = torch.optim.AdamW(other.parameters(), lr=0.3)
    again.restore(fresh, scaler)
    assert fresh.state_dict()["state"][0]["step"] == 1
    assert again.pending_optimizer_state is None


def test_between_stages_no_optimiser_is_pending(tmp_path: Path) -> None:
    state = TrainState.of(torch.nn.Linear(2, 1).state_dict())
    state.begin_stage(1)
    checkpoint.save(state, tmp_path, None, None)
    table = checkpoint.load(tmp_path)
    # as before stages could end early, and before identities were kept
    del table["best"], table["scaler"], table["identity"], table["own_captions"], table["kept"]
    again = TrainState.from_table(table, CPU)
    assert (again.stage, again.step, again.best) == (1, 0, None)
    assert (again.identity, again.own_captions, again.kept) == (None, {}, {})
    fresh = torch.optim.AdamW(torch.nn.Linear(2, 1).parameters(), lr=0.3)
    again.restore(fresh, torch.amp.GradScaler("cpu", enabled=False))
    assert fresh.state_dict()["param_groups"][0]["lr"] == 0.3

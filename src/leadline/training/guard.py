"""What happens when a loss is not finite: the samples are named and kept, no weight is touched."""

import math
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_path
from leadline.training.processes import SaidByAnother
from leadline.training.run import Run, sample_ids

NAMES_SHOWN = 4


def refuse_not_finite(run: Run, batch: dict[str, Tensor], loss: float, norm: float) -> NoReturn:
    """End the run because of step `run.step`, whose loss or gradient norm is not finite.

    The batch goes to `not_finite/step_N.npz` in the run folder: `ids`, `image` (B,3,h,w), `depth`
    and `valid` (B,1,h,w), `message`. Where a sample itself is to blame, a checkpoint of the
    weights before this step is written. Otherwise training has diverged, and the checkpoint
    before this one is the better one to keep.
    """
    ids = sample_ids(run, [index for _, index in run.order.mine(run.step)])
    local = {name: batch[name].cpu().numpy() for name in ("image", "depth", "valid")}
    gathered = run.processes.gather((ids, bad_samples(batch, ids), local))
    ids = [name for part, _, _ in gathered for name in part]
    bad = {name: reason for _, reasons, _ in gathered for name, reason in reasons.items()}
    if bad:
        run.save()
    what = f"the loss became {loss}" if not math.isfinite(loss) else f"a gradient became {norm}"
    file = run.folder / "not_finite" / f"step_{run.step:06d}.npz"
    message = f"{what} after step {run.step}; no weight was changed. {_blame(ids, bad)}; {file}"
    message += (
        " holds the batch: mend the data, then leadline train --resume "
        if bad
        else " holds the batch: lower optimizer.lr or set optimizer.clip in a new run; "
        "the checkpoints are from before: "
    ) + str(run.folder)
    if not run.processes.leads:
        raise SaidByAnother
    arrays = {name: np.concatenate([part[name] for _, _, part in gathered]) for name in local}
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        named: dict[str, Any] = {"ids": np.array(ids), "message": np.array(message), **arrays}
        np.savez_compressed(stream, **named)
    raise LeadlineError(message)


def bad_samples(batch: dict[str, Tensor], ids: list[str]) -> dict[str, str]:
    """Return {id: what is wrong} for the samples that hold a value no network can learn from."""
    found = {}
    for index, name in enumerate(ids):
        depth, valid = batch["depth"][index], batch["valid"][index]
        if not bool(torch.isfinite(batch["image"][index]).all()):
            found[name] = "its image holds values that are not finite"
        elif not bool(torch.isfinite(depth[valid]).all()):
            found[name] = "its depth is not finite where it says it is valid"
        elif bool((depth[valid] <= 0).any()):
            found[name] = "its depth is not positive where it says it is valid"
    return found


def _blame(ids: list[str], bad: dict[str, str]) -> str:
    if bad:
        told = [f"{name}: {reason}" for name, reason in list(bad.items())[:NAMES_SHOWN]]
        more = f" and {len(bad) - len(told)} more" if len(bad) > len(told) else ""
        return "; ".join(told) + more
    more = f" and {len(ids) - NAMES_SHOWN} more" if len(ids) > NAMES_SHOWN else ""
    return f"The images of the step, each sound in itself: {', '.join(ids[:NAMES_SHOWN])}{more}"

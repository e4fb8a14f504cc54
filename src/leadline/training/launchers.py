"""Detect the program that started this process as one of several that train together."""

from __future__ import annotations

from collections.abc import Mapping


def launched_by(environment: Mapping[str, str]) -> tuple[str, int, int] | None:
    """Return (launcher, processes per node, nodes), or None without a launcher.

    Inside a SLURM allocation only `srun` launches processes: a command run directly by a batch
    script is a single process, whatever the allocation holds.
    """
    if "TORCHELASTIC_RUN_ID" in environment:
        world, local = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
        return "torchrun", local, world // local
    if "SLURM_STEP_ID" in environment and "SLURM_NTASKS" in environment:
        nodes = int(environment.get("SLURM_NNODES", "1"))
        return "srun", int(environment["SLURM_NTASKS"]) // nodes, nodes
    return None

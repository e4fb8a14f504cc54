"""The processes of a run, one or many, and how they handle signals."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from leadline.errors import LeadlineError, one_line
from leadline.training.launchers import launched_by
from leadline.training.recipe import TrainerSection

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")


class ReportedByRankZero(SystemExit):
    """Ends this process silently with status 2: process 0 prints the error."""

    def __init__(self) -> None:
        super().__init__(2)


class Processes:
    """The rank of this process among those of a run, and their communication.

    They agree on stopping, errors and scores over gloo, on any device, so that this never waits for
    a GPU. A single process does not communicate, at no cost.
    """

    def __init__(self, fabric: Fabric):
        self.device: torch.device = fabric.device
        self.rank: int = fabric.global_rank
        self.local_rank: int = fabric.local_rank
        self.count: int = fabric.world_size
        self._gloo: dist.ProcessGroup | None = None
        if self.count > 1:
            self._gloo = dist.new_group(backend="gloo")  # type: ignore[assignment]

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return `model` with its gradients averaged over the processes."""
        if self.count == 1:
            return model
        devices = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return, for each flag, whether any process has it set."""
        if self.count == 1:
            return flags
        counts = torch.tensor(flags, dtype=torch.int32)
        dist.all_reduce(counts, dist.ReduceOp.MAX, group=self._gloo)
        return tuple(bool(count) for count in counts.tolist())

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values: list[T | None] = [None] * self.count
        dist.all_gather_object(values, value, group=self._gloo)
        return values  # type: ignore[return-value]

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over the processes, on its device, without a gradient."""
        return self._reduce(value, dist.ReduceOp.SUM)

    def maximum(self, value: Tensor) -> Tensor:
        """Return the maximum of a tensor over the processes, on its device, without a gradient."""
        return self._reduce(value, dist.ReduceOp.MAX)

    def _reduce(self, value: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
        value = value.detach().clone()
        if self.count > 1:
            dist.all_reduce(value, operation)
        return value

    def broadcast_buffers(self, model: nn.Module) -> None:
        """Copy the running statistics of process 0 to all processes."""
        if self.count > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    @contextmanager
    def raise_on_all_ranks(self) -> Iterator[None]:
        """If any process raises inside the block, end all of them with a one-line error.

        The block itself must not communicate with the other processes.
        """
        failure: Exception | None = None
        try:
            yield
        except (LeadlineError, OSError) as error:
            if self.count == 1:
                raise
            failure = error
        if not self.any(failure is not None)[0]:
            return
        messages = self.gather(str(failure) if failure else None)
        if not self.is_rank_zero:
            raise ReportedByRankZero from failure
        rank, message = next((rank, text) for rank, text in enumerate(messages) if text is not None)
        raise LeadlineError(f"process {rank} of {self.count}: {message}") from failure

    def close(self) -> None:
        """Leave the process group."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


@contextmanager
def explain_lost_peer(folder: Path) -> Iterator[None]:
    """Turn the error of a collective whose peer process has died into one line."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if not dist.is_initialized() or not any(word in text for word in ("gloo", "nccl", "peer")):
            raise
        raise LeadlineError(
            f"process {dist.get_rank()}: another process of this run is gone (killed, out of "
            f"memory or its machine down); start them all again with --resume {folder}"
        ) from error


def start_processes(trainer: TrainerSection) -> Processes:
    """Start, or join, the processes of a run, as many as the recipe or the launcher says.

    `auto` takes the numbers of torchrun or SLURM if one of them started this process, and one
    device otherwise.
    Errors: LeadlineError if recipe and launcher disagree, or the machine lacks the devices.
    """
    devices, nodes = _resolve_counts(trainer, os.environ)
    # Importing it takes seconds, which --help or a misspelt option should not wait for.
    from lightning_fabric import Fabric

    # Fabric announces itself in the log; the run's first line says the same.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=trainer.accelerator,
            devices=devices,
            num_nodes=nodes,
            strategy="ddp" if devices * nodes > 1 else "auto",
        )
        fabric.launch()
    except Exception as error:  # Fabric and torch raise types of their own
        raise LeadlineError(
            f"trainer.accelerator={trainer.accelerator}, {devices} devices on {nodes} nodes: "
            f"cannot start ({one_line(error)}); set them for this machine"
        ) from error
    return Processes(fabric)


def _resolve_counts(trainer: TrainerSection, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return (processes per node, nodes)."""
    launcher = launched_by(environment)
    if launcher is None:
        return (
            1 if trainer.devices == "auto" else trainer.devices,
            1 if trainer.num_nodes == "auto" else trainer.num_nodes,
        )
    name, devices, nodes = launcher
    for key, setting, started in (
        ("devices", trainer.devices, devices),
        ("num_nodes", trainer.num_nodes, nodes),
    ):
        if setting not in ("auto", started):
            raise LeadlineError(
                f"trainer.{key}={setting}, but {name} started {devices} processes on each of "
                f"{nodes} nodes; leave trainer.{key} at auto (--set trainer.{key}=auto)"
            )
    return devices, nodes


class SignalCatcher:
    """Delays Ctrl-C and SIGTERM until the step is done, since a partial step cannot be resumed.

    A context manager that restores the previous handlers at its end. A second Ctrl-C raises
    KeyboardInterrupt at once. Python allows handlers only in the main thread; in other threads
    nothing is caught.
    """

    def __init__(self) -> None:
        self.sigint = self.sigterm = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if _in_main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            self.sigterm = True
        elif self.sigint or self.sigterm:
            raise KeyboardInterrupt
        else:
            self.sigint = True


def restore_default_sigchld() -> None:
    """Remove torch's SIGCHLD handler; call it after starting the data workers.

    When a worker dies, that handler raises in the middle of a step, maybe between two weight
    updates. Without it, the loader notices at the next batch. It is not reinstalled: while torch
    still counts a dead worker, the exit of any child process would raise.
    """
    if _in_main_thread() and hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()

"""The training loop, top to bottom: set up, then for every epoch train, validate, save."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from sdfl.datasets import Sample
from sdfl.errors import CheckpointError, ConfigError, DataError
from sdfl.evaluation import evaluate
from sdfl.model.checkpoint import load_checkpoint, load_weights, save_checkpoint
from sdfl.model.landmarks.from_onnx import start_from_onnx
from sdfl.model.landmarks.losses import landmark_losses
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.landmarks.torch_backend import TorchBackend
from sdfl.model.landmarks.transfer import start_from
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.progress import EpochReport, Reporter
from sdfl.train.recipe import Recipe, same_recipe
from sdfl.train.setup import first_crops, learning_rate_factor, make_loader, make_network, make_optimizer
from sdfl.train.stop_request import StopRequest
from sdfl.train.weight_average import WeightAverage
from sdfl.types import Backend

T = TypeVar("T")


@dataclass(frozen=True)
class Devices:
    """Where to train, as Lightning Fabric names it."""

    accelerator: str = "auto"
    devices: str = "auto"
    strategy: str = "auto"


def launch(devices: Devices, precision: str) -> Fabric:
    """The processes and devices of a training. Raises ConfigError where this computer does not have them."""
    try:
        fabric = Fabric(**vars(devices), precision=precision)  # type: ignore[arg-type]
    except (RuntimeError, ValueError, TypeError) as error:
        asked = ", ".join(f"{name} {value}" for name, value in vars(devices).items())
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"cannot train with {asked} and precision {precision}: {reason}") from error
    fabric.launch()
    return fabric


def fit(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    resume: Path | None = None,
    start: Path | None = None,
    devices: Devices = Devices(),
    reporter: Reporter | None = None,
) -> Path:
    """Train `recipe` on the pictures below `data`; returns the last checkpoint, `out`/last.ckpt.

    resume: a checkpoint of the same recipe; training goes on as if it had never stopped. start: a checkpoint or a float
    ONNX file whose weights a new training begins with (`sdfl.model.landmarks.transfer`, `...from_onnx`). Raises
    DataError, ConfigError, CheckpointError or ArtifactError before the first step where something does not fit.
    """
    reporter = reporter or Reporter()
    fabric = launch(devices, recipe.train.precision)
    torch.manual_seed(recipe.train.seed)
    samples = split_samples(recipe.data, data, recipe.model.layout)
    network = make_network(recipe, samples[0], data, pretrained=not (start or resume))
    if start and not resume:
        if start.suffix == ".onnx":
            start_from_onnx(network, start, first_crops(recipe, samples[0]))
        else:
            start_from(network, start)

    def losses(module: Any, crops: Tensor, points: Tensor, has_face: Tensor) -> dict[str, Tensor]:
        return landmark_losses(module(crops), points, has_face, network.head.neighbours, recipe.loss)

    def backend(averaged: Network) -> Backend:
        return TorchBackend(averaged, recipe.about.name, str(fabric.device))

    return run(Task(recipe, losses, backend), network, samples, out, fabric, resume, reporter)


@dataclass(frozen=True)
class Task:
    """losses: of the network, crops, points (0..1 of the side) and has_face, one a term; their sum is minimised.
    backend: runs the averaged network for validation. facts: go into every checkpoint.
    """

    recipe: Recipe
    losses: Callable[[Any, Tensor, Tensor, Tensor], dict[str, Tensor]]
    backend: Callable[[Network], Backend]
    facts: dict[str, Any] = field(default_factory=dict)
    gradient_norm_limit: float = 100.0


def run(
    task: Task, network: Network, samples: tuple[list[Sample], list[Sample]], out: Path, fabric: Fabric,
    resume: Path | None, reporter: Reporter,
) -> Path:  # fmt: skip
    """Train `network`, in place; samples: to train on, to validate on. Returns the last checkpoint."""
    recipe = task.recipe
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, recipe.train.average_decay)
    optimizer = make_optimizer(recipe.optimizer, network)
    first_epoch, first_step = 0, 0
    before = _restore(resume, task, network, average) if resume else None
    module, wrapped = fabric.setup(network, optimizer)
    if before:
        first_epoch, first_step = int(before["epoch"]), int(before.get("step", 0))
        optimizer.load_state_dict(before["optimizer"])  # only now do the parameters lie on their device
    loader, sampler = make_loader(recipe, samples[0], fabric)
    batches = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
    average.to(fabric.device)
    log = SummaryWriter(str(out / "tensorboard"), purge_step=first_epoch) if fabric.is_global_zero else None

    with reporter.training(recipe.train.epochs, len(loader), first_epoch), StopRequest() as stop:
        for epoch in range(first_epoch, recipe.train.epochs):
            sampler.epoch, sampler.skip = epoch, first_step * recipe.train.batch_size
            terms, steps = _train_epoch(
                task, epoch, fabric, module, network, wrapped, average, batches, reporter.step, stop, first_step
            )
            first_step = 0
            if steps < len(loader):
                if fabric.is_global_zero:
                    _save_last(out, task, epoch, network, average, optimizer, step=steps)
                fabric.barrier()
                reporter.say(f"stopped in epoch {epoch + 1}; {out / 'last.ckpt'} goes on from here with --resume")
                raise KeyboardInterrupt
            if not math.isfinite(terms["loss"]):
                raise DataError(f"epoch {epoch + 1}: the loss is not finite; lower optimizer.learning_rate")
            report = EpochReport(epoch, terms, optimizer.param_groups[0]["lr"])
            if fabric.is_global_zero:
                averaged = average.network(network)
                due = (epoch + 1) % recipe.train.validate_every == 0 or epoch + 1 == recipe.train.epochs
                if samples[1] and due:
                    report.validation = evaluate(task.backend(averaged), samples[1]).summary()
                _save(out, task, epoch, network, averaged, average, optimizer, report)
                write_log(log, report)
                reporter.epoch(report)
            fabric.barrier()
    if log:
        log.close()
    return out / "last.ckpt"


def _train_epoch(
    task: Task, epoch: int, fabric: Fabric, module: Any, network: Network, optimizer: Any, average: WeightAverage,
    batches: Any, on_step: Callable[[], None], stop: StopRequest, first_step: int,
) -> tuple[dict[str, float], int]:  # fmt: skip
    """One pass over the data from batch `first_step` on; returns the mean of every loss term, and at which batch it
    ended: the number of batches, or less where a stop was asked for."""
    recipe = task.recipe
    network.train()
    base, accumulate, steps = recipe.optimizer.learning_rate, recipe.train.accumulate, len(batches)
    sums: dict[str, Any] = {}
    step = first_step
    for step, (crops, points, has_face) in enumerate(one_line_errors(batches), first_step):
        begun = step // accumulate * accumulate  # the first batch of this step's group
        factor = learning_rate_factor(recipe.optimizer, epoch + begun / steps, recipe.train.epochs)
        for group in optimizer.param_groups:
            group["lr"] = base * factor
        added_up = min(accumulate, steps - begun)  # the epoch's last group may be smaller
        complete = (step + 1) % accumulate == 0 or step + 1 == steps
        with fabric.no_backward_sync(module, enabled=not complete):
            terms = task.losses(module, crops, points, has_face)
            loss = torch.stack(list(terms.values())).sum()
            fabric.backward(loss / added_up)
        if complete:
            fabric.clip_gradients(module, optimizer, max_norm=task.gradient_norm_limit, error_if_nonfinite=False)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            average.update(network)
        for name, term in {**terms, "loss": loss}.items():
            sums[name] = sums.get(name, 0.0) + term.detach()
        on_step()
        if complete and step + 1 < steps and stop.agreed(fabric):
            break
    done = step + 1
    return {name: float(value) / max(done - first_step, 1) for name, value in sums.items()}, done


def one_line_errors(batches: Iterable[T]) -> Iterator[T]:
    """A loader's worker wraps its error's message in a traceback; keep the message, which is the last line."""
    try:
        yield from batches
    except DataError as error:
        raise DataError(str(error).strip().splitlines()[-1].removeprefix("sdfl.errors.DataError: ")) from error


def _save(
    out: Path, task: Task, epoch: int, network: Network, averaged: Network, average: WeightAverage, optimizer: Any,
    report: EpochReport,
) -> None:  # fmt: skip
    """last.ckpt resumes; best.ckpt holds the weights with the lowest validation NME so far."""
    facts = {"recipe": task.recipe.as_dict(), "epoch": epoch + 1, "validation": report.validation, **task.facts}
    _save_last(out, task, epoch + 1, network, average, optimizer, validation=report.validation)
    score = report.validation.get("nme_percent")
    best = out / "best.ckpt"
    if score is not None:
        before = load_checkpoint(best)["validation"]["nme_percent"] if best.exists() and epoch else math.inf
        if score < before:
            save_checkpoint(best, averaged, **facts)


def _save_last(
    out: Path, task: Task, epoch: int, network: Network, average: WeightAverage, optimizer: Any, *,
    step: int = 0, validation: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """epoch: how many are complete. step: batches done of the next one."""
    state = {"optimizer": optimizer.state_dict(), "average": average.state, "average_steps": average.steps}
    facts = {
        "recipe": task.recipe.as_dict(),
        "epoch": epoch,
        "step": step,
        "validation": validation or {},
        **task.facts,
    }
    save_checkpoint(out / "last.ckpt", network, **facts, **state)


def _restore(path: Path, task: Task, network: Network, average: WeightAverage) -> dict[str, Any]:
    """Load the weights of a checkpoint to go on from; returns its content."""
    content = load_checkpoint(path)
    if "optimizer" not in content:
        raise CheckpointError(f"{path}: holds weights only and cannot be resumed; take last.ckpt")
    recipe, layout = task.recipe, content["model"].get("layout")
    if layout != recipe.model.layout:
        raise CheckpointError(f"{path}: has layout {layout}, the recipe {recipe.model.layout}")
    if ModelConfig(**content["model"]) != recipe.model:
        raise CheckpointError(f"{path}: was trained with another [model] section than the recipe's")
    if content.get("quantization") != task.facts.get("quantization"):
        raise CheckpointError(f"{path}: was trained with another [quantize] section than the recipe's")
    same_recipe(path, content["recipe"], recipe)
    load_weights(network, content["weights"], path)
    average.state, average.steps = content["average"], content["average_steps"]
    return content


def is_complete(last: Path, recipe: Recipe) -> bool:
    """Whether the training that wrote `last` is done. Raises CheckpointError where it had another recipe."""
    content = load_checkpoint(last)
    same_recipe(last, content["recipe"], recipe)
    return bool(content["epoch"] >= recipe.train.epochs)


def write_log(log: SummaryWriter | None, report: EpochReport) -> None:
    if log is None:
        return
    for name, value in report.terms.items():
        log.add_scalar(f"train/{name}", value, report.epoch)
    log.add_scalar("train/learning_rate", report.learning_rate, report.epoch)
    for name, value in report.validation.items():
        if isinstance(value, float):
            log.add_scalar(f"validation/{name}", value, report.epoch)
    log.flush()

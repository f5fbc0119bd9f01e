"""The training loop of every task, top to bottom: set up, then for every epoch train, validate, save."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from sdfl.errors import CheckpointError, DataError
from sdfl.model.checkpoint import Checkpoint, TrainingState, load_weights, read_checkpoint, save_checkpoint
from sdfl.model.detector.network import FaceDetector
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.train.data.samplers import EpochSampler
from sdfl.train.log import training_log, write_epoch
from sdfl.train.loop_config import LoopRecipe
from sdfl.train.optimizer import learning_rate_factor, make_optimizer
from sdfl.train.progress import EpochReport, Reporter, Score
from sdfl.train.recipe_changes import same_recipe
from sdfl.train.speed import speed_up
from sdfl.train.stop_request import StopRequest
from sdfl.train.weight_average import WeightAverage

LAST, BEST = "last.ckpt", "best.ckpt"  # of a training's folder: to continue from; with the best validation
N = TypeVar("N", Network, FaceDetector)
T = TypeVar("T")


@dataclass(frozen=True)
class Task(Generic[N]):
    """What is trained.

    Attributes:
        recipe: sets the epochs, the optimizer and so on.
        network: in its first state, on the CPU; it is trained in place.
        loader: the batches of one epoch, in the order of `sampler`.
        sampler: of the loader.
        losses: gives the terms of the loss by name, of the network and a batch; their sum is minimised.
        score: the figure of `validate` that decides which checkpoint is the best one.
        validate: measures the network with the averaged weights; None where no picture is held out.
        facts: further entries of every checkpoint.
    """

    recipe: LoopRecipe
    network: N
    loader: DataLoader[Any]
    sampler: EpochSampler
    losses: Callable[[Any, Any], dict[str, Tensor]]
    score: Score
    validate: Callable[[N], dict[str, Any]] | None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class State(Generic[N]):
    """What changes while a network is trained.

    Attributes:
        network: the network itself.
        module: the same, as Fabric wrapped it: call this one.
        optimizer: as Fabric wrapped it.
        average: the moving average of the weights.
        epoch: how many epochs are complete.
        step: how many batches are done of the next one.
        best: the lowest score of a validation so far.
    """

    network: N
    module: Any
    optimizer: Any
    average: WeightAverage
    epoch: int = 0
    step: int = 0
    best: float = math.inf


def run(task: Task[N], fabric: Fabric, out: Path, *, resume: Path | None, reporter: Reporter) -> Path:
    """Train a network.

    Ctrl-C ends the step, writes a checkpoint from which `resume` continues exactly, and raises KeyboardInterrupt.

    Args:
        task: what to train.
        fabric: of `launch`.
        out: folder for last.ckpt, best.ckpt and TensorBoard's logs.
        resume: a checkpoint of the same recipe to go on from.
        reporter: told what happens.

    Returns:
        The last checkpoint.

    Raises:
        CheckpointError: `resume` cannot be used.
        DataError: a picture cannot be read, or the loss is not finite.
    """
    state = _set_up(task, fabric, out, resume)
    batches = fabric.setup_dataloaders(task.loader, use_distributed_sampler=False)
    epochs, steps = task.recipe.train.epochs, len(task.loader)
    first = fabric.is_global_zero
    log: Any = training_log(out / "tensorboard", state.epoch) if first else nullcontext()
    done = state.epoch * steps + state.step
    with log as writer, reporter.training(epochs, steps, done), StopRequest() as stop:
        while state.epoch < epochs:
            terms = _train_epoch(task, state, fabric, batches, reporter, stop)
            if state.step:
                _stop_within_epoch(task, state, fabric, out, reporter)
            if not math.isfinite(terms["loss"]):
                raise DataError(f"epoch {state.epoch}: the loss is not finite; lower optimizer.learning_rate")
            report = EpochReport(state.epoch - 1, terms, state.optimizer.param_groups[0]["lr"], task.score)
            if first:
                _validate_and_save(task, state, out, report)
                write_epoch(writer, report)
                reporter.epoch(report)
            fabric.barrier()
    return out / LAST


def _set_up(task: Task[N], fabric: Fabric, out: Path, resume: Path | None) -> State[N]:
    """The state before the first step, or that of the checkpoint `resume`."""
    network = task.network
    speed_up(network, fabric.device)
    average = WeightAverage(network, task.recipe.train.average_decay)
    optimizer = make_optimizer(task.recipe.optimizer, network)
    before = read_checkpoint(resume) if resume else None
    training = _require_resumable(before, task) if before else None
    if before and training:
        load_weights(network, training.weights, before.path)
        average.state, average.steps = training.average, training.average_steps
    module, wrapped = fabric.setup(network, optimizer)
    state = State(network, module, wrapped, average)
    if before and training:
        try:
            wrapped.load_state_dict(training.optimizer)  # only now do the parameters lie on their device
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{before.path}: its entry 'optimizer' is of another training") from error
        state.epoch, state.step = before.epoch, training.step
        best = out / BEST
        if state.epoch and best.exists():
            state.best = read_checkpoint(best).validation.get(task.score.key, math.inf)
    average.to(fabric.device)
    return state


def _require_resumable(before: Checkpoint, task: Task[N]) -> TrainingState:
    """What `task` continues from. Raises CheckpointError where `before` is not of the same training."""
    theirs, own = before.config, task.network.config
    if type(theirs) is not type(own):
        raise CheckpointError(f"{before.path}: was not written by a training of this kind")
    if before.training is None:
        raise CheckpointError(f"{before.path}: holds weights only and cannot be resumed; take {LAST}")
    if isinstance(theirs, ModelConfig) and isinstance(own, ModelConfig) and theirs.layout != own.layout:
        raise CheckpointError(f"{before.path}: has layout {theirs.layout}, the recipe {own.layout}")
    if theirs != own:
        section = "model" if isinstance(own, ModelConfig) else "detector"
        raise CheckpointError(f"{before.path}: was trained with another [{section}] section than the recipe's")
    if before.quantization != task.facts.get("quantization"):
        raise CheckpointError(f"{before.path}: was trained with another [quantize] section than the recipe's")
    same_recipe(before.path, before.recipe, task.recipe)
    return before.training


def _train_epoch(
    task: Task[N], state: State[N], fabric: Fabric, batches: Any, reporter: Reporter, stop: StopRequest
) -> dict[str, float]:
    """Train to the end of the epoch, or to the end of the step in which a stop was asked for.

    Returns the mean of each term of the loss. Afterwards `state.step` is 0 where the epoch is complete.
    """
    state.network.train()
    config, steps, first = task.recipe.train, len(batches), state.step
    task.sampler.epoch, task.sampler.skip = state.epoch, first * config.batch_size
    sums: dict[str, Tensor] = {}
    for step, batch in enumerate(one_line_errors(batches), first):
        begun = step // config.accumulate * config.accumulate  # the first batch of this step's group
        _set_learning_rate(task, state, state.epoch + begun / steps)
        added_up = min(config.accumulate, steps - begun)  # the epoch's last group may be smaller
        complete = step + 1 == begun + added_up
        with fabric.no_backward_sync(state.module, enabled=not complete):
            terms = task.losses(state.module, batch)
            loss = torch.stack(list(terms.values())).sum()
            fabric.backward(loss / added_up)
        if complete:
            limit = task.recipe.optimizer.clip_norm
            if limit:
                fabric.clip_gradients(state.module, state.optimizer, max_norm=limit, error_if_nonfinite=False)
            state.optimizer.step()
            state.optimizer.zero_grad(set_to_none=True)
            state.average.update(state.network)
        for name, term in {**terms, "loss": loss}.items():
            sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        state.step = step + 1
        reporter.step()
        if complete and state.step < steps and stop.agreed(fabric):
            break
    means = {name: float(total) / (state.step - first) for name, total in sums.items()}
    if state.step == steps:
        state.epoch, state.step = state.epoch + 1, 0
    return means


def _set_learning_rate(task: Task[N], state: State[N], epoch: float) -> None:
    config = task.recipe.optimizer
    rate = config.learning_rate * learning_rate_factor(config, epoch, task.recipe.train.epochs)
    for group in state.optimizer.param_groups:
        group["lr"] = rate


def one_line_errors(batches: Iterable[T]) -> Iterator[T]:
    """Pass batches on, and of an error in a loader's process its message alone.

    Raises:
        DataError: such an error comes wrapped in a traceback, whose last line is the message.
    """
    try:
        yield from batches
    except DataError as error:
        raise DataError(str(error).strip().splitlines()[-1].removeprefix("sdfl.errors.DataError: ")) from error


def _stop_within_epoch(task: Task[N], state: State[N], fabric: Fabric, out: Path, reporter: Reporter) -> None:
    if fabric.is_global_zero:
        _save_last(out, task, state, {})
    fabric.barrier()
    reporter.say(f"stopped in epoch {state.epoch + 1}; continue from {out / LAST} with --resume")
    raise KeyboardInterrupt


def _validate_and_save(task: Task[N], state: State[N], out: Path, report: EpochReport) -> None:
    """Measure the averaged weights where that is due, and write the checkpoints."""
    config = task.recipe.train
    averaged = state.average.network(state.network)
    due = state.epoch % config.validate_every == 0 or state.epoch == config.epochs
    if task.validate is not None and due:
        report.validation = task.validate(averaged)
    score = report.validation.get(task.score.key)
    if score is not None and score < state.best:
        save_checkpoint(out / BEST, averaged, **_facts(task, state, report.validation))
        state.best = score
    _save_last(out, task, state, report.validation)  # at the end: a kill before it repeats the epoch, and so BEST


def _save_last(out: Path, task: Task[N], state: State[N], validation: dict[str, Any]) -> None:
    training = TrainingState(
        weights=state.network.state_dict(),
        average=state.average.state,
        average_steps=state.average.steps,
        optimizer=state.optimizer.state_dict(),
        step=state.step,
    )
    save_checkpoint(out / LAST, state.network, training=training, **_facts(task, state, validation))


def _facts(task: Task[N], state: State[N], validation: dict[str, Any]) -> dict[str, Any]:
    return {"recipe": task.recipe.as_dict(), "epoch": state.epoch, "validation": validation, **task.facts}


def is_complete(last: Path, recipe: LoopRecipe) -> bool:
    """Whether a training is done.

    Args:
        last: its last checkpoint.
        recipe: what it is to be trained with.

    Raises:
        CheckpointError: it was trained with another recipe.
    """
    checkpoint = read_checkpoint(last)
    same_recipe(last, checkpoint.recipe, recipe)
    return checkpoint.epoch >= recipe.train.epochs

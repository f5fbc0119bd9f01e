"""sdfl build: an engine, IR or .tflite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sdfl.artifacts.names import OPENVINO_IR, has_suffix
from sdfl.errors import ConfigError

if TYPE_CHECKING:
    from sdfl.convert.engines.layers import Built
    from sdfl.convert.engines.plan import BuildPlan
    from sdfl.convert.engines.progress import Step

Target = Literal["tensorrt", "tensorrt-rtx", "openvino", "litert"]


def build(
    model: Annotated[str, typer.Argument(help="Name of a model (see sdfl zoo list), or an .onnx file.")],
    target: Annotated[
        Target,
        typer.Option(help="What to build for. TensorRT engines are built on the device that runs them."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="The file to write. Default: NAME_PRECISION.engine, .xml or .tflite here."),
    ] = None,
    precision: Annotated[
        Literal["fp32", "fp16", "int8"] | None,
        typer.Option(help="Float models become fp16 (the default) or fp32, for litert always fp32; int8 models int8."),
    ] = None,
    max_faces: Annotated[
        int, typer.Option(min=1, help="Largest number of faces at a time. 1 is the fastest for one face.")
    ] = 1,
    plugin: Annotated[
        Path | None,
        typer.Option(help="Library of the graph operator, libsdfl_tensorrt.so. Default: standard operators."),
    ] = None,
    compute_capability: Annotated[
        list[str] | None,
        typer.Option(help="For tensorrt-rtx: build for this kind of GPU, such as 8.6. May be repeated."),
    ] = None,
    workspace: Annotated[
        int | None, typer.Option(min=16, help="GPU memory to build with, in MB. Default: a part of what is free.")
    ] = None,
    copy: Annotated[Path | None, typer.Option(help="Also write the ONNX file that TensorRT gets, for trtexec.")] = None,
    typed: Annotated[
        bool,
        typer.Option("--typed", help="With --copy: for TensorRT 11, which computes in the types of the file."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be built.")] = False,
) -> None:
    """Build an engine, IR or .tflite file, with a passport that says what it was built from and for."""
    from sdfl.convert.engines import require_packages, run_build, write_copy
    from sdfl.runtime.zoo import resolve_model

    if copy is not None and not target.startswith("tensorrt"):
        raise ConfigError(f"--copy: writes what TensorRT gets, which {target} does not; leave it out")
    require_packages(target)
    from sdfl.convert.engines.plan import make_plan, trtexec_line

    plan = make_plan(
        resolve_model(model),
        target,
        out=out,
        precision=precision,
        max_faces=max_faces,
        plugin=plugin,
        compute_capabilities=tuple(compute_capability or ()),
        workspace_mb=workspace,
    )
    if copy is not None:
        write_copy(plan, copy, typed=typed)
        typer.echo(f"{copy}: for TensorRT {'11' if typed else '10'}")
    if dry_run:
        _describe(plan)
        if target == "tensorrt":
            typer.echo(trtexec_line(plan, copy or Path("copy.onnx")))
        return
    with _progress() as step:
        built = run_build(plan, step)
    _report(built, plan)


def _describe(plan: BuildPlan) -> None:
    faces = "one face at a time" if plan.max_faces == 1 else f"1 to {plan.max_faces} faces"
    form = f"plugin {plan.plugin}" if plan.plugin else "standard operators"
    gpus = ", ".join(plan.compute_capabilities) or ("any processor" if plan.target == "litert" else "this machine")
    typer.echo(f"{plan.out}: {plan.spec.name} in {plan.precision} for {plan.target}, {faces}, {form}, for {gpus}")


def _report(built: Built, plan: BuildPlan) -> None:
    from sdfl.convert.engines.layers import slow_layers

    passport = built.passport
    size_mb = built.path.stat().st_size / 1e6
    if has_suffix(built.path, OPENVINO_IR):
        size_mb += built.path.with_suffix(".bin").stat().st_size / 1e6
    typer.echo(
        f"{built.path}: {passport.precision} for {passport.target} {passport.library_version}, {size_mb:.1f} MB, "
        f"built in {passport.build_s:.1f} s, peak memory {passport.peak_memory_mb:.0f} MB"
    )
    convolutions = [layer for layer in built.layers if layer.is_convolution and layer.types]
    if passport.precision == "int8" and convolutions:
        slow = slow_layers(built.layers)
        typer.echo(f"{len(convolutions) - len(slow)} of {len(convolutions)} convolutions compute in int8")
        if slow:
            typer.echo(
                f"in float, and slower than fp16 for it: {', '.join(slow[:5])}; check the source: "
                f"sdfl verify {plan.source} --quant"
            )
    typer.echo(f"next: sdfl verify {built.path} --against {plan.source}")


@contextmanager
def _progress() -> Iterator[Step]:
    """A bar on standard error; nothing is shown where that is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("building", total=None)
        yield lambda name, done, total: bars.update(task, description=name, completed=done, total=total)

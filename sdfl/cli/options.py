"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Labelled = Annotated[Path, typer.Option("--data", help="Folder of pictures with .pts files, or a dataset's root.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", help="Override one key: section.key=value.")]
Accelerator = Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, cpu, cuda.")]
DeviceCount = Annotated[str, typer.Option("--devices", help="How many, or auto.")]
Strategy = Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, ddp.")]

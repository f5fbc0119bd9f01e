"""sdfl report: draw records, or recommend a model from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.errors import MissingDependency

if TYPE_CHECKING:
    pass
from sdfl.cli.bench import run_suite


def report(
    records: Annotated[list[Path], typer.Argument(help="Files that `sdfl bench` wrote, of any number of machines.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write.")] = Path("report"),
    pictures: Annotated[
        Path | None, typer.Option(help="Dataset to show the worst pictures from; without it they are only named.")
    ] = None,
    recommend: Annotated[bool, typer.Option("--recommend", help="Only print the model to take, and why.")] = False,
    budget_ms: Annotated[float, typer.Option(help="With --recommend: longest median time.")] = 33.0,
    max_nme: Annotated[float, typer.Option(help="With --recommend: largest NME in percent.")] = 100.0,
    threads: Annotated[int, typer.Option(min=1, help="With --recommend: CPU threads.")] = 1,
    data: Annotated[Path | None, typer.Option(help="With --recommend: labelled pictures, for accuracy.")] = None,
) -> None:
    """Draw records: one offline HTML file, PNG, SVG, Markdown and CSV."""
    if recommend:
        from sdfl.benchmarks.recommend import Wish

        typer.echo(_recommend(records, Wish(budget_ms, max_nme, threads), data))
        return
    try:
        from sdfl.benchmarks.report import write_report
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "plotly", extra="report") from error
    from sdfl.benchmarks.records import read_records

    for path in write_report(read_records(records), out, pictures=pictures):
        typer.echo(str(path))


def _recommend(paths: list[Path], wish: Any, data: Path | None) -> str:
    """Measures what is missing on this machine, appends it to the first file, and chooses."""
    from sdfl.benchmarks.environment import read_environment
    from sdfl.benchmarks.recommend import missing_suite, recommend
    from sdfl.benchmarks.records import read_records

    environment = read_environment()
    there = [path for path in paths if path.exists() and path.stat().st_size]
    records = read_records(there).records if there else ()
    suite = missing_suite(records, environment["machine"], wish, str(data or ""))
    if suite:
        records = (*records, *run_suite(suite, paths[0], environment, resume=True))
    return recommend(records, environment["machine"], wish)

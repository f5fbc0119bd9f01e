"""sdfl report: draw records, or recommend a model from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sdfl.cli.bench import say_failure
from sdfl.errors import MissingDependency


def report(
    records: Annotated[list[Path], typer.Argument(help="Files that sdfl bench wrote, of any number of computers.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write the report to.")] = Path("report"),
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of the labelled pictures; the report then shows the worst ones.")
    ] = None,
    recommend: Annotated[
        bool, typer.Option("--recommend", help="Write no report; print the model to take, and why.")
    ] = False,
    budget_ms: Annotated[float, typer.Option(help="With --recommend: longest median time.")] = 33.0,
    max_nme: Annotated[float, typer.Option(help="With --recommend: largest NME in percent.")] = 100.0,
    threads: Annotated[int, typer.Option(min=1, help="With --recommend: number of CPU threads.")] = 1,
    data: Annotated[
        Path | None, typer.Option(help="With --recommend: folder of labelled pictures, to measure accuracy.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: the files written, the recommendation.")
    ] = False,
) -> None:
    """Draw records as one offline HTML page, PNG, SVG, Markdown and CSV; or recommend a model from them.

    --recommend chooses among the models of the package, and first measures what the records lack on this computer.
    """
    if recommend:
        from sdfl.benchmarks.progress import progress_bar
        from sdfl.benchmarks.recommend import Limits, measure_and_recommend

        limits = Limits(budget_ms, max_nme, threads)
        with progress_bar() as start_bar:
            answer = measure_and_recommend(records, limits, data, start_bar=start_bar, say=say_failure)
        typer.echo(json.dumps({"files": [], "recommended": answer.to_dict()}) if as_json else str(answer))
        return
    try:
        from sdfl.benchmarks.report import write_report
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "altair", extra="report") from error
    from sdfl.benchmarks.records import read_records

    paths = [str(path) for path in write_report(read_records(records), out, pictures=pictures)]
    typer.echo(json.dumps({"files": paths, "recommended": None}) if as_json else "\n".join(paths))

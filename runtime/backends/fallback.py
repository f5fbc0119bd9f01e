"""Trying ways to run a model, one after the other, until one works on this computer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sdfl.errors import MissingDependency, UnusableHereError
from sdfl.runtime.notices import Say, to_stderr

T = TypeVar("T")


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """A way to run a model.

    Attributes:
        name: the file and the library, in words.
        open: opens it; raises MissingDependency or UnusableHereError where the next way is to be tried.
    """

    name: str
    open: Callable[[], T]


def first_that_works(attempts: Iterable[Attempt[T]], say: Say = to_stderr) -> tuple[T, str]:
    """Open the first way that works.

    That a library is missing is no news, since some are a matter of choice. That one computes something wrong is said.

    Args:
        attempts: at least one, the best first.
        say: told why the ways before did not work.

    Returns:
        What was opened, and its name.

    Raises:
        MissingDependency, UnusableHereError: of the first way, where none works. Every other error comes through.
    """
    problems: list[UnusableHereError | MissingDependency] = []
    for attempt in attempts:
        try:
            opened = attempt.open()
        except (UnusableHereError, MissingDependency) as error:
            problems.append(error)
            continue
        for problem in problems:
            if isinstance(problem, UnusableHereError):
                say(f"{problem}; {attempt.name} takes its place")
        return opened, attempt.name
    raise next((problem for problem in problems if isinstance(problem, UnusableHereError)), problems[0])

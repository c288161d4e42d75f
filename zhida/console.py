"""How commands speak: results on stdout, progress on stderr, one sentence and an exit code when they fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from eligibility.errors import ZhidaError
from zhida.messages import FileRefused
from zhida.stack import StackError

PIPED_WIDTH = 400  # columns; a row of a table stays one line where no terminal limits it

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)

NOT_RIGHT = 1  # what was asked about is not as it should be
CANNOT = 3  # what is needed cannot be had, or an input is refused


def progress_bar(*, transient: bool = True) -> Progress:
    """A progress bar on stderr; none where stderr is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=transient,
        disable=not sys.stderr.isatty(),
        redirect_stdout=False,  # results stay on stdout, also while the bar is shown
        redirect_stderr=False,
    )


@contextmanager
def told_in_one_sentence() -> Iterator[None]:
    """Turn the errors that are foreseen into one sentence on stderr and exit code 3."""
    try:
        yield
    except (StackError, ZhidaError, FileRefused) as error:
        err.print(f"zhida: {error}", markup=False)
        raise typer.Exit(CANNOT) from error
    except (KafkaError, RedisError) as error:
        err.print(f"zhida: the stack does not answer ({type(error).__name__}: {error}); is it up?", markup=False)
        raise typer.Exit(CANNOT) from error
    except BrokenPipeError:  # the reader of a pipe has had enough; click ends quietly
        raise
    except OSError as error:
        told = error.strerror or str(error) or type(error).__name__
        err.print(f"zhida: {told}" + (f": {error.filename}" if error.filename else ""), markup=False)
        raise typer.Exit(CANNOT) from error

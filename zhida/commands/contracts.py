"""`zhida contracts`: the contract pages from the models, or where they differ from them."""

from __future__ import annotations

from pathlib import Path

from zhida.console import err, out
from zhida.contracts.documents import drifted, write


def run(folder: Path, golden: Path, *, check: bool) -> bool:
    """Write the pages and return True; or with `check` name every file that drifted, and return whether none did."""
    if not check:
        changed = write(folder, golden)
        for path in changed:
            out.print(f"{folder / path}: written", markup=False, soft_wrap=True)
        if not changed:
            out.print(f"{folder}: nothing to do", markup=False, soft_wrap=True)
        return True
    found = drifted(folder, golden)
    for path in found:
        err.print(f"{folder / path}: is not what the models say; run `make contracts`", markup=False, soft_wrap=True)
    if not found:
        out.print(f"{folder}: as the models say", markup=False, soft_wrap=True)
    return not found

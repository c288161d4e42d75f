"""`python -m zhida`: the same as the `zhida` command."""

from zhida.cli import app

app()

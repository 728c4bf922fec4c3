"""``python -m services.operations`` is the ``bilhetagem`` command."""

from services.operations.cli import app

app(prog_name="bilhetagem")

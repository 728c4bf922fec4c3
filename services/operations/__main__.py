"""The ``bilhetagem`` command, and ``python -m services.operations``."""

import sys


def main() -> None:
    """Run the command. Ctrl-C while its modules are loaded, which may take a second, ends it as it does afterwards."""
    try:
        from services.operations.cli import app
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)
    app(prog_name="bilhetagem")


if __name__ == "__main__":
    main()

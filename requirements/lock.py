"""Writes the lock files: `python requirements/lock.py [--upgrade]`.

`dev.txt` is resolved first; the others are cut from it, and `infra/requirements.txt` adds the CDK to it, so a version
is the same in every one.
A lock names no registry: where packages come from is the business of the machine that installs them.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCALSTACK_RELEASED = "2026-03-15"
"""LocalStack pins little of what it needs; what was published later than its last release has never met it."""


def main(*options: str) -> None:
    compile_lock("requirements/dev.txt", "pyproject.toml", "--extra", "local", "--group", "dev", *options)
    cut = ("--constraints", "requirements/dev.txt")
    compile_lock("requirements/laptop.txt", "pyproject.toml", "--extra", "local", *cut)
    compile_lock("requirements/runtime.txt", "pyproject.toml", *cut)
    compile_lock("requirements/build.txt", "--group", "build", *cut)
    compile_lock("infra/requirements.txt", "pyproject.toml", "--extra", "local", "--group", "infra", *cut, *options)
    compile_lock(
        "localstack/requirements.txt", "localstack/requirements.in", "--exclude-newer", LOCALSTACK_RELEASED, *options
    )


def compile_lock(lock: str, *arguments: str) -> None:
    print(f"Resolving {lock} ...", flush=True)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        (uv, "pip", "compile", *arguments, "--quiet", "--universal", "--python-version", "3.12", "--generate-hashes",
         "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--output-file", lock),
        cwd=ROOT,
        check=True,
    )  # fmt: skip


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.CalledProcessError:
        sys.exit("Not locked: the lines above say why.")

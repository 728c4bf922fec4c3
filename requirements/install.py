"""Installs the locked environments: `python3.12 requirements/install.py laptop | dev | localstack | infra`.

Runs on a bare Python 3.12 (standard library only). Every package is pinned by hash, those that build from source build
with pinned backends. Stopped at any moment, it can be run again and continues from what it has.
"""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
LOCALSTACK_VENV = ROOT / ".localstack" / "venv"
INFRA_VENV = ROOT / ".infra"
DISK_SPACE = {"laptop": 700, "dev": 1200, "localstack": 800, "infra": 2200}
"""MB that an environment and its downloads take at most."""


class InstallationFailed(Exception):
    """Says what was wrong and how to mend it, in one or two sentences for a person."""


def main(environment: str) -> None:
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < DISK_SPACE[environment]:
        raise InstallationFailed(f"It takes {DISK_SPACE[environment]} MB of disk, and {free} MB are free in {ROOT}.")
    make_venv()
    if environment == "localstack":
        say("LocalStack, in an environment of its own")
        run(uv(), "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, LOCALSTACK_VENV)
        install(LOCALSTACK_VENV, LOCKS / "build.txt")
        install(LOCALSTACK_VENV, ROOT / "localstack" / "requirements.txt")
    elif environment == "infra":
        say("what synthesises the infrastructure, in an environment of its own")
        run(uv(), "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, INFRA_VENV)
        install(INFRA_VENV, LOCKS / "build.txt")
        install(INFRA_VENV, ROOT / "infra" / "requirements.txt")
        install_ourselves(INFRA_VENV)
    else:
        say(f"Bilhetagem's own environment ({environment})")
        install(VENV, LOCKS / f"{environment}.txt")
        install_ourselves(VENV)


def make_venv() -> None:
    """Makes `.venv` with the pinned installer in it, unless it is there and works."""
    if answers(uv(), "--version"):
        return
    say("a virtual environment with the installer")
    run(sys.executable, "-m", "venv", "--clear", VENV, hint="On Debian and Ubuntu: apt install python3.12-venv")
    patience = ("--retries", "2", "--timeout", "20")
    pinned = ("--require-hashes", "--only-binary", ":all:", "-r", LOCKS / "build.txt")
    run(venv_python(VENV), "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "install",
        *patience, *pinned)  # fmt: skip


def install(venv: Path, lock: Path) -> None:
    run(uv(), "pip", "install", "--python", venv_python(venv), "--require-hashes", "--no-build-isolation", "-r", lock)


def install_ourselves(venv: Path) -> None:
    run(uv(), "pip", "install", "--quiet", "--python", venv_python(venv), "--no-deps", "--no-build-isolation",
        "--editable", ROOT)  # fmt: skip


def run(*command: str | Path, hint: str = "") -> None:
    """Runs a step in a process group of its own, so that an interruption ends all of it before it is reported."""
    step = subprocess.Popen(command, cwd=ROOT, env=environment_of_uv(), stdin=subprocess.DEVNULL, process_group=0)
    try:
        failed = step.wait() != 0
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(step.pid, signal.SIGKILL)
        step.wait()
        raise
    if failed:
        raise InstallationFailed(
            hint or "The lines above say why; no network and a full disk are the usual reasons. Run it again to go on."
        )


def answers(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def environment_of_uv() -> dict[str, str]:
    """Whoever has told pip of a mirror or of a certificate need not say it twice: uv does not read pip's settings."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    for name, setting in (("UV_DEFAULT_INDEX", "PIP_INDEX_URL"), ("SSL_CERT_FILE", "PIP_CERT")):
        if setting in environment:
            environment.setdefault(name, environment[setting])
    return environment


def venv_python(venv: Path) -> Path:
    return venv / "bin" / "python"


def uv() -> Path:
    return VENV / "bin" / "uv"


def say(what: str) -> None:
    print(f"Installing {what} ...", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.version_info[:2] != (3, 12):
        sys.exit(f"Python 3.12 is needed, this is {sys.version.split()[0]}.")
    if sys.argv[1:2] == [] or sys.argv[1] not in DISK_SPACE:
        sys.exit(f"Usage: python3.12 requirements/install.py {' | '.join(DISK_SPACE)}")
    try:
        main(sys.argv[1])
    except InstallationFailed as failure:
        sys.exit(f"\nNot installed. {failure}")
    except KeyboardInterrupt:
        sys.exit("\nStopped before all was installed. Run it again to go on.")

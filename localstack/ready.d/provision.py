"""LocalStack's container executes this once it is ready (mounted as /etc/localstack/init/ready.d/provision.py).

LocalStack runs it inside its own process, so the work is done by a child with the same Python: in there, ``localstack``
is LocalStack's own package. The repository's ``contracts`` and ``localstack`` are mounted under one folder, which
PYTHONPATH names for the child only.
"""

import os
import subprocess
import sys

HOME = os.environ.get("BILHETAGEM_HOME", "/opt/bilhetagem")

subprocess.run(
    [sys.executable, "-P", f"{HOME}/localstack/provision.py"],
    check=True,
    env={
        **os.environ,
        "PYTHONPATH": HOME,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    },
)

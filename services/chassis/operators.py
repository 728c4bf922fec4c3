"""Operators' routes: they ask for the operators' secret."""

from secrets import compare_digest
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.chassis.origin import Caller
from services.chassis.problems import Problem

_bearer = HTTPBearer(scheme_name="operators", description="The operators' secret", auto_error=False)


def operator(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """The operator who asks. Raises Problem(401)."""
    secret: str = request.app.state.front.running.settings.operators_secret.get_secret_value()
    if credentials is None or not compare_digest(credentials.credentials.encode(), secret.encode()):
        raise Problem(
            401, detail="This route is for operators: send their secret as a bearer token.",
            headers={"WWW-Authenticate": 'Bearer realm="operators"'},
        )  # fmt: skip
    return Caller("operator")


OperatorDep = Annotated[Caller, Depends(operator)]

"""The HTTP side of a service: the app around its routes, and all that routes import of the chassis.

A route reads a body by its contract and returns what the ingress answers::

    router = Router()

    @router.post("/reservations/", status_code=202, responses=accepted(Reservation))
    async def reserve(body: ReservationBody, ingress: IngressDep) -> Response:
        return await ingress.accept(
            lambda made: ReserveTickets(reservation_id=made, caller=ingress.caller.id, **dict(body)),
            location="/reservations/{id}",
            view=reservations(ingress).by_id,
            settled=is_decided,
            show=Reservation.of,
        )
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from services.chassis import operations, tracing
from services.chassis.answers import Pending, shown
from services.chassis.bodies import Router, read
from services.chassis.cors import let_browsers_in
from services.chassis.documents import IdPath, accepted, awaited, openapi_of
from services.chassis.edge import Edge
from services.chassis.front import Front
from services.chassis.http_spans import Traced
from services.chassis.ingress import Ingress, IngressDep
from services.chassis.operators import OperatorDep
from services.chassis.origin import Caller
from services.chassis.paging import Listing, Page, PageDep
from services.chassis.problems import Problem, answer, found, invalid, problems
from services.chassis.publishing import Unpublished
from services.chassis.runtime import Running
from services.chassis.service import Disagreement, Service
from services.chassis.store import Conflict, Unavailable
from services.chassis.swagger import ASSETS, swagger_page
from services.chassis.work import Work
from services.chassis.worker import Worker

log = structlog.get_logger()

__all__ = [
    "Caller",
    "IdPath",
    "Ingress",
    "IngressDep",
    "Listing",
    "OperatorDep",
    "Page",
    "PageDep",
    "Pending",
    "Problem",
    "Router",
    "Work",
    "accepted",
    "awaited",
    "create_app",
    "found",
    "health_app",
    "problems",
    "read",
    "shown",
]


def create_app(running: Running, stop: asyncio.Event | None = None) -> FastAPI:
    """The ingress of a running service. Requests that wait are answered when ``stop`` is set.

    Raises Disagreement when the service's routes and the choreography disagree.
    """
    service = running.service
    _check_routes(service)
    front = Front.of(running, stop or asyncio.Event())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await front.finish()

    app = FastAPI(
        title=f"Bilhetagem: {service.name}",
        version="1",
        description=service.description,
        openapi_tags=[{"name": service.name, "description": service.description}],
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: f"{service.name}_{route.name}",
    )
    app.state.front = front
    app.include_router(service.router, tags=[service.name])
    app.include_router(operations.router)
    if guarded := running.settings.jwks_url is not None:
        # Nobody else waits for what verifies signatures to be imported.
        from services.chassis.access_tokens import guard

        guard(app, running.settings, running.clock, list(_routes(service)))
    if tracing.on():
        app.add_middleware(Traced, service=service.name)
    _guard(app, [*_routes(service), *_api_routes(operations.router)], running.settings.stage_prefix)

    app.router.routes.append(ASSETS)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return swagger_page(app.title)

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", include_in_schema=False)
    async def ready() -> dict[str, str]:
        await running.store.probe()
        return {"status": "ready"}

    app.openapi = lambda: openapi_of(app, asks_for_tokens=guarded)  # type: ignore[method-assign]
    return app


def health_app(worker: Worker) -> FastAPI:
    """A worker's health: ``/health`` is 503 with the loops that hang, ``/ready`` asks the database."""
    app = FastAPI(title="Bilhetagem: worker", openapi_url=None, redirect_slashes=False)
    _guard(app, [])

    @app.get("/health")
    async def health() -> dict[str, str]:
        if stale := worker.stale():
            raise Problem(503, "stale", f"These loops hang: {', '.join(stale)}.", loops=stale)
        return {"status": "ok"}

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        await worker.probe()
        return {"status": "ready"}

    return app


def _check_routes(service: Service) -> None:
    if not isinstance(service.router, Router):
        raise Disagreement(f"the routes of {service.name} are no services.chassis.http.Router, which reads exact JSON")
    declared = {f"{method} {route.path}" for route in _routes(service) for method in route.methods or ()}
    if missing := service.requests.keys() - declared:
        raise Disagreement(f"{service.name} has no route {', '.join(sorted(missing))}")


def _routes(service: Service) -> Iterator[APIRoute]:
    return _api_routes(service.router)


def _api_routes(router: APIRouter) -> Iterator[APIRoute]:
    return (route for route in router.routes if isinstance(route, APIRoute))


def _guard(app: FastAPI, included: Sequence[Route], stage: str = "") -> None:
    """Accept every spelling of a path, let browsers in, and answer every error with a problem document."""
    app.add_middleware(Edge, with_slash=[route.path for route in included if route.path.endswith("/")], stage=stage)
    let_browsers_in(app)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = _allowed([*included, *app.routes], request.scope["path"])
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"Allow": allowed})
            error = Problem(405, headers={"Allow": allowed})
        return answer(error if isinstance(error, Problem) else Problem(error.status_code), request.scope["path"])

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        return answer(invalid(error), request.scope["path"])

    @app.exception_handler(Conflict)
    async def conflict(request: Request, _: Conflict) -> Response:
        return answer(Problem(409, detail="It exists already, or changed meanwhile."), request.scope["path"])

    @app.exception_handler(Unavailable)
    @app.exception_handler(Unpublished)
    async def unavailable(request: Request, error: Exception) -> Response:
        log.warning("request_not_taken", method=request.method, path=request.scope["path"], error=repr(error))
        return answer(Problem(503), request.scope["path"])


def _allowed(routes: Iterable[BaseRoute], path: str) -> str:
    known = (route for route in routes if isinstance(route, Route) and route.path_regex.match(path))
    methods = {"OPTIONS"}.union(*(route.methods or () for route in known))
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))

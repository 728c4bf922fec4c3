"""The HTTP side of a service: the app around its routes, and all that routes import of the chassis.

A route reads a body by its contract and returns what the ingress answers::

    router = Router()

    @router.post("/reservations/", status_code=202, responses={**problems(503), 200: {"model": Reservation}})
    async def reserve(body: ReservationBody, ingress: IngressDep) -> Response:
        return await ingress.accept(
            lambda id: ReserveTickets(reservation_id=id, caller=ingress.caller.id, **dict(body)),
            location="/reservations/{id}",
            view=views.reservations,
            settled=lambda reservation: reservation.status != "pending",
        )
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route

from services.chassis.bodies import Router, read
from services.chassis.documents import openapi_of
from services.chassis.edge import Edge
from services.chassis.ingress import Front, Ingress, IngressDep, Pending, shown
from services.chassis.operators import OperatorDep
from services.chassis.origin import Caller
from services.chassis.paging import Listing, Page, PageDep
from services.chassis.problems import Problem, answer, invalid, problems
from services.chassis.publishing import Unpublished
from services.chassis.runtime import Running
from services.chassis.service import Disagreement, Service
from services.chassis.store import Conflict, Unavailable
from services.chassis.waiting import View
from services.chassis.work import Work
from services.chassis.worker import Worker

__all__ = [
    "Caller",
    "Ingress",
    "IngressDep",
    "Listing",
    "OperatorDep",
    "Page",
    "PageDep",
    "Pending",
    "Problem",
    "Router",
    "View",
    "Work",
    "create_app",
    "health_app",
    "problems",
    "read",
    "shown",
]


def create_app(running: Running) -> FastAPI:
    """The ingress of a running service. Raises Disagreement when its routes and the choreography disagree."""
    service = running.service
    _check_routes(service)
    front = Front.of(running)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await front.finish()

    app = FastAPI(
        title=f"Bilhetagem: {service.name}",
        version="1",
        description=service.description,
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        generate_unique_id_function=lambda route: f"{service.name}_{route.name}",
    )
    app.state.front = front
    app.include_router(service.router, tags=[service.name])
    app.add_middleware(Edge, with_slash=[route.path for route in _routes(service) if route.path.endswith("/")])
    _answer_with_problems(app, service)
    _add_probes(app, running)
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


def _check_routes(service: Service) -> None:
    if not isinstance(service.router, Router):
        raise Disagreement(f"{service.name}: its routes belong to services.chassis.http.Router, which reads exact JSON")
    declared = {f"{method} {route.path}" for route in _routes(service) for method in route.methods or ()}
    if missing := service.requests.keys() - declared:
        raise Disagreement(f"{service.name}: without a route: {', '.join(sorted(missing))}")


def _routes(service: Service) -> Iterator[APIRoute]:
    return (route for route in service.router.routes if isinstance(route, APIRoute))


def _answer_with_problems(app: FastAPI, service: Service) -> None:
    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = _allowed(app, service, request.scope["path"])
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
    async def unavailable(request: Request, _: Exception) -> Response:
        return answer(Problem(503), request.scope["path"])


def _allowed(app: FastAPI, service: Service, path: str) -> str:
    known = [route for route in (*_routes(service), *app.routes) if isinstance(route, Route)]
    methods = {method for route in known if route.path_regex.match(path) for method in route.methods or ()}
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


def _add_probes(app: FastAPI, running: Running) -> None:
    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", include_in_schema=False)
    async def ready() -> dict[str, str]:
        await running.store.probe()
        return {"status": "ready"}


def health_app(worker: Worker) -> FastAPI:
    """A worker's health: 503 with the loops that hang."""
    app = FastAPI(title="Bilhetagem: worker", openapi_url=None)

    @app.get("/health")
    async def health(request: Request) -> Response:
        if stale := worker.stale():
            problem = Problem(503, "stale", f"These loops hang: {', '.join(stale)}.", loops=stale)
            return answer(problem, request.url.path)
        return Response('{"status":"ok"}', media_type="application/json")

    return app

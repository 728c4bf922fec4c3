"""The routes of ``/users``."""

from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict

from contracts.fields import Text
from contracts.user import Email, UserBody, UserErased, UserRegistered, UserUpdated
from services.chassis.http import IdPath, Ingress, IngressDep, Listing, PageDep, Problem, Router, found, problems
from services.chassis.kernel import Refused
from services.chassis.store import Exists
from services.user import domain

if TYPE_CHECKING:
    from services.user.adapters.sql import Users

router = Router()

ERASED = (410, "erased", "This buyer's personal data was erased.")
EMAIL_TAKEN = (409, "email_taken", "Another buyer has this e-mail already.")


class User(BaseModel):
    """A buyer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "01938b2e-7c1a-7a60-8e0b-5d4f3c2b1a09", "name": "Ana Souza", "email": "ana@example.com"}
            ]
        }
    )

    id: UUID
    name: Text
    email: Email


def shown(user: domain.User) -> User:
    """A buyer as clients see one. Raises Problem(410)."""
    if user.name is None or user.email is None:
        raise Problem(*ERASED)
    return User(id=user.id, name=user.name, email=user.email)


def restated(user: domain.User) -> UserUpdated | UserErased:
    """What is true of a buyer now, as a fact."""
    if user.name is None:
        return UserErased(user_id=user.id, version=user.version)
    return UserUpdated(user_id=user.id, version=user.version, name=user.name)


def users(ingress: Ingress) -> "Users":
    """Where buyers are read."""
    reads: Users = ingress.adapters
    return reads


@router.get("/users/", response_model=Listing[User])
async def list_users(ingress: IngressDep, page: PageDep) -> Response:
    """The buyers, the oldest first; erased ones are not among them."""
    return page.answer([shown(user) for user in await users(ingress).page(page)])


@router.get("/users/{id}", responses=problems(404, ERASED))
async def get_user(user_id: IdPath, ingress: IngressDep) -> User:
    """A buyer."""
    return shown(found(await users(ingress).find(user_id)))


@router.post("/users/", status_code=201, response_model=User, responses=problems(EMAIL_TAKEN, ERASED))
async def register(body: UserBody, ingress: IngressDep) -> Response:
    """Register a buyer. An e-mail belongs to one buyer only, in whatever case it is written."""
    try:
        return await ingress.create(
            domain.User,
            lambda user_id: domain.User(user_id, 1, body.name, body.email),
            announce=lambda user: UserRegistered(user_id=user.id, version=user.version, name=body.name),
            show=shown,
            location="/users/{id}",
        )
    except Exists:
        raise Problem(*EMAIL_TAKEN) from None


@router.put("/users/{id}", responses=problems(404, EMAIL_TAKEN, ERASED))
async def update_user(user_id: IdPath, body: UserBody, ingress: IngressDep) -> User:
    """Replace name and e-mail. A new name is printed on the buyer's tickets too."""
    try:
        async with ingress.work() as work:
            user = found(await work.load(domain.User, user_id))
            changed = user.update(body.name, body.email)
            if isinstance(changed, Refused):
                raise Problem(*ERASED)
            if changed:
                work.emit(UserUpdated(user_id=user.id, version=user.version, name=body.name))
    except Exists:
        raise Problem(*EMAIL_TAKEN) from None
    return shown(user)


@router.delete("/users/{id}", status_code=204, responses=problems(404))
async def erase_user(user_id: IdPath, ingress: IngressDep) -> None:
    """Erase a buyer's personal data, here and on every ticket (LGPD, Lei 13.709/2018, art. 18, VI). Live orders go on.

    The e-mail is free for someone new. Erasing twice does nothing more.
    """
    async with ingress.work() as work:
        user = found(await work.load(domain.User, user_id))
        if user.erase():
            work.emit(UserErased(user_id=user.id, version=user.version))

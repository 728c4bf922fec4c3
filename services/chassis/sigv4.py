"""HTTP requests that are signed for an AWS service (AWS Signature Version 4), for clients that are none of AWS's."""

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import get_session
from requests.auth import AuthBase


class _Signature(AuthBase):
    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._credentials = get_session().get_credentials()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._credentials is None:
            raise NoCredentials("There are no AWS credentials to sign a request with.")
        signed = AWSRequest(str(request.method), request.url, data=request.body)
        SigV4Auth(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


class NoCredentials(requests.RequestException):
    """Nobody has said in whose name to ask."""


def signing(service: str, region: str) -> requests.Session:
    """A session whose requests are signed with the credentials that AWS's libraries find, renewed in time."""
    session = requests.Session()
    session.trust_env = False  # credentials of a .netrc would take the signature's place
    session.auth = _Signature(service, region)
    return session

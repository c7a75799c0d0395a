"""Hand-made JSON Web Tokens, so that a test decides every byte of them."""

import base64
import hashlib
import hmac
import json

SECRET = "a-secret-that-only-the-tests-know"
DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def token(user: str, room: str, **claims) -> str:
    """A session token as a backend would sign it."""
    return signed({"userId": user, "roomId": room} | claims)


def signed(claims: dict, *, secret: str = SECRET, algorithm: str = "HS256", digest: str | None = None) -> str:
    """`digest` signs with another hash than the header's `alg` announces; "none" leaves the signature empty."""
    text = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}"
    digest = digest or algorithm
    signature = b"" if digest == "none" else hmac.digest(secret.encode(), text.encode(), DIGESTS[digest])
    return f"{text}.{_base64(signature)}"


def claims(token: str, *, secret: str = SECRET) -> dict:
    """The claims of an HS256 token, after checking its signature."""
    text, _, signature = token.rpartition(".")
    header, payload = (json.loads(_unbase64(part)) for part in text.split("."))
    assert header["alg"] == "HS256"
    assert signature == _base64(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))
    return payload


def _part(value: dict) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

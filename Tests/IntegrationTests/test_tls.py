"""TLS on every listener."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support import binary, http
from support.dialects import EVERYWHERE, ChannelServer, Relay, at
from support.http import Connection
from support.server import DEFAULTS


@dataclass
class Identity:
    certificate: Path
    key: Path

    @property
    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)


def make_identity(directory: Path, name: str) -> Identity:
    """A self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "parley.test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    identity = Identity(directory / f"{name}.crt", directory / f"{name}.key")
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    identity.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return identity


@pytest.fixture(scope="module")
def identity(tmp_path_factory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture
def secure(server, identity):
    return server(
        "--tls-certificate", str(identity.certificate), "--tls-key", str(identity.key), tls=identity.trusted
    )


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_dialect_speaks_over_tls(secure, room, place):
    """docs/architecture.md §3: TLS connections, on all listeners."""
    alice, bob = await at(secure, place).together(room, "alice", "bob")
    await alice.says("over tls")
    for member in (alice, bob):
        await member.hears("over tls")


def test_http_is_answered_over_tls(secure):
    """docs/architecture.md §5: the same paths."""
    for address in secure.addresses.values():
        assert http.fetch(address, "/health").status == 200


async def test_the_variables_do_what_the_flags_do(server, identity, room):
    """PARLEY_TLS_CERTIFICATE and PARLEY_TLS_KEY."""
    started = server(
        PARLEY_TLS_CERTIFICATE=identity.certificate, PARLEY_TLS_KEY=identity.key, tls=identity.trusted
    )
    alice, bob = await ChannelServer(started.channel_server).together(room, "alice", "bob")
    await alice.says("hi")
    await bob.hears("hi")


async def test_a_large_message_passes_over_tls(secure, room):
    """A message of many TLS records."""
    alice, bob = await Relay(secure.front_door).together(room, "alice", "bob")
    await alice.sends(b"x" * (1 << 20))
    await bob.expects(b"x" * (1 << 20))


async def test_many_messages_keep_their_order_over_tls(secure, room):
    """docs/architecture.md §3: the pipeline writes in the order of events."""
    alice, bob = await Relay(secure.front_door).together(room, "alice", "bob")
    for number in range(1000):
        await alice.sends(str(number))
    for number in range(1000):
        await bob.expects(str(number))


def test_plain_bytes_at_a_tls_port_harm_nobody(secure):
    """Only the offender's connection ends."""
    for address in secure.addresses.values():
        plain = Connection(type(address)(address.host, address.port))
        plain.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.is_closed()
        assert http.fetch(address, "/health").status == 200


def test_an_unfinished_tls_handshake_is_closed(server, identity):
    """Decision 4: the deadline of the request head counts from the first byte of the connection."""
    files = {"PARLEY_TLS_CERTIFICATE": identity.certificate, "PARLEY_TLS_KEY": identity.key}
    address = server(PARLEY_HEADER_TIMEOUT=1, tls=identity.trusted, **files).front_door
    silent = Connection(type(address)(address.host, address.port))
    silent.send(b"\x16\x03\x01")
    assert silent.is_closed(within=4)


def broken(identity: Identity, directory: Path) -> dict[str, tuple[list[str], str]]:
    """Arguments that cannot work, and what the message must name."""
    nonsense = directory / "nonsense.pem"
    nonsense.write_text("nonsense")
    other = make_identity(directory, "other")
    certificate, key = str(identity.certificate), str(identity.key)
    return {
        "no such certificate": (["--tls-certificate", "/no/such.crt", "--tls-key", key], "/no/such.crt"),
        "no such key": (["--tls-certificate", certificate, "--tls-key", "/no/such.key"], "/no/such.key"),
        "no certificate inside": (["--tls-certificate", str(nonsense), "--tls-key", key], "nonsense.pem"),
        "certificate without key": (["--tls-certificate", certificate], "tls-key"),
        "key without certificate": (["--tls-key", key], "tls-certificate"),
        "key of another certificate": (["--tls-certificate", certificate, "--tls-key", str(other.key)], "other.key"),
    }


CASES = ["no such certificate", "no such key", "no certificate inside", "certificate without key"]
CASES += ["key without certificate", "key of another certificate"]


@pytest.mark.parametrize("case", CASES)
def test_unusable_files_end_the_start_with_a_message(identity, tmp_path, case):
    """Decision 11: exit 1, key and value named."""
    arguments, named = broken(identity, tmp_path)[case]
    result = binary.run(tmp_path, "serve", *arguments, **DEFAULTS)
    assert result.returncode == 1
    spellings = {named, f"PARLEY_{named.upper().replace('-', '_')}"}
    assert any(spelling in result.said for spelling in spellings), result.said
    assert "Listening on" not in result.stdout


def test_commands_trust_whom_they_are_told_to(server, identity, tmp_path):
    """`--ca FILE` and `--insecure` of `backends` and `healthcheck`."""
    started = server(
        "--tls-certificate", str(identity.certificate), "--tls-key", str(identity.key), "--dev",
        BACKENDS_API_PORT="0", tls=identity.trusted,
    )  # fmt: skip
    (tmp_path / "text").write_text("no certificate")
    commands = {
        ("backends", "list"): started.addresses["backends_api"].http(),
        ("healthcheck",): started.front_door.http(),
    }
    for command, url in commands.items():
        for trust, status in [
            ([], 1), (["--insecure"], 0), (["--ca", str(identity.certificate)], 0), (["--ca", "missing"], 1),
            (["--ca", "text"], 1), (["--ca", str(identity.certificate), "--insecure"], 2),
        ]:  # fmt: skip
            result = binary.run(tmp_path, *command, "--url", url, *trust)
            assert result.returncode == status, (command, trust, result.said)
            if status == 1 and trust:
                assert f"--ca {trust[1]}" in result.stderr, result.said

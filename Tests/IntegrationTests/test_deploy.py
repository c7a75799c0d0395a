"""Files in `deploy/` are accepted by the programs that they are for. What they do behind nginx: test_gateway_nginx."""

import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import binary
from support.address import free_port
from test_tls import make_identity

DEPLOY = binary.REPOSITORY / "deploy"
MODULES = Path("/usr/lib/apache2/modules")


def program(name: str) -> str:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin") or pytest.skip(f"{name} is not installed")


def accepted(*command: str | Path, **environment: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, env=binary.environment(Path("/nonexistent"), environment))
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    return said


def with_files_of(directory: Path, text: str) -> str:
    """A site with a certificate and with logs in the test's directory."""
    identity = make_identity(directory, "site")
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain\.pem", str(identity.certificate), text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey\.pem", str(identity.key), text)
    return re.sub(r"/var/log/\w+", str(directory), text)


def test_nginx(tmp_path):
    """deploy/nginx."""
    nginx = program("nginx")
    (tmp_path / "site.conf").write_text(with_files_of(tmp_path, (DEPLOY / "nginx/ws.example.com.conf").read_text()))
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}")
    accepted(nginx, "-t", "-e", "stderr", "-c", tmp_path / "nginx.conf")


def test_apache(tmp_path):
    """deploy/apache, with the modules that its first lines name and those of Debian's own configuration."""
    apache = program("apache2")
    site = (DEPLOY / "apache/ws.example.com.conf").read_text()
    named = re.search(r"^# Modules: (.+)$", site, re.MULTILINE)[1].split()
    loaded = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in ["mpm_event", "authz_core", *named]]
    (tmp_path / "site.conf").write_text(with_files_of(tmp_path, site))
    (tmp_path / "apache.conf").write_text("\n".join([*loaded, f"ServerRoot {tmp_path}", f"ErrorLog {tmp_path}/error.log", "ServerName localhost", f"Include {tmp_path}/site.conf"]))
    accepted(apache, "-t", "-f", tmp_path / "apache.conf", APACHE_LOG_DIR=str(tmp_path))


def test_caddy(tmp_path):
    """deploy/caddy."""
    caddy = program("caddy")
    (tmp_path / "Caddyfile").write_text(with_files_of(tmp_path, (DEPLOY / "caddy/Caddyfile").read_text()))
    accepted(caddy, "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile", XDG_DATA_HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))


# What they log

SECRET = "the-token-of-somebody"
TARGETS = [f"/?token={SECRET}", f"/%3Ftoken={SECRET}", f"/ws%3ftoken={SECRET}", f"/%253Ftoken={SECRET}", f"/x?a=1#{SECRET}", f"/%2e%3F{SECRET}"]


@contextmanager
def running(directory: Path, *command: str | Path, **environment: str):
    """A proxy, which is stopped like one so that it writes everything that it has to say."""
    with (directory / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=binary.environment(directory, environment))
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def ask_for_secrets(plain: int, secure: int, directory: Path) -> None:
    """On the port that redirects, and on the one behind it, where nobody answers."""
    curl = program("curl")
    until = time.monotonic() + 15
    while not answers(plain) or not answers(secure):
        assert time.monotonic() < until, (directory / "said").read_text()
        time.sleep(0.02)
    for target in TARGETS:
        for url in [f"http://ws.example.com:{plain}/", f"https://ws.example.com:{secure}/"]:
            places = [option for port in (plain, secure) for option in ("--resolve", f"ws.example.com:{port}:127.0.0.1")]
            told = subprocess.run(
                [curl, "-sk", "-o", "/dev/null", "-w", "%{http_code}", *places, "-e", f"https://a.test/?{SECRET}", "--request-target", target, url],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            assert url.startswith("https") or told in ("301", "308", "400", "403"), (target, told)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def logged(directory: Path) -> str:
    return "".join(path.read_text() for path in [*directory.glob("*.log"), directory / "said"])


def test_caddy_logs_no_tokens(tmp_path):
    """deploy/caddy: of requests, and of the redirects that it makes by itself."""
    caddy, plain, secure = program("caddy"), free_port(), free_port()
    identity = make_identity(tmp_path, "site")
    site = (DEPLOY / "caddy/Caddyfile").read_text().replace("/var/log/caddy", str(tmp_path))
    site = site.replace("ws.example.com {", f"https://ws.example.com:{secure} {{\n\ttls {identity.certificate} {identity.key}")
    site = site.replace("{\n\tlog {", f"{{\n\tadmin off\n\thttp_port {plain}\n\thttps_port {secure}\n\tlog {{", 1)
    (tmp_path / "Caddyfile").write_text(site)
    with running(tmp_path, caddy, "run", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile", XDG_DATA_HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path)):
        ask_for_secrets(plain, secure, tmp_path)
    assert SECRET not in logged(tmp_path)
    assert logged(tmp_path).count("handled request") >= 2 * len(TARGETS)


def test_nginx_logs_no_tokens(tmp_path):
    """deploy/nginx."""
    nginx, plain, secure = program("nginx"), free_port(), free_port()
    site = with_files_of(tmp_path, (DEPLOY / "nginx/ws.example.com.conf").read_text())
    site = re.sub(r"\n *listen \[::\]:[^\n]+", "", site).replace("listen 80;", f"listen {plain};").replace("listen 443 ssl", f"listen {secure} ssl")
    (tmp_path / "site.conf").write_text(site)
    (tmp_path / "nginx.conf").write_text(f"daemon off; pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}")
    with running(tmp_path, nginx, "-e", "stderr", "-c", tmp_path / "nginx.conf"):
        ask_for_secrets(plain, secure, tmp_path)
    assert SECRET not in logged(tmp_path)
    assert logged(tmp_path).count('"GET /') >= len(TARGETS)


def test_apache_logs_no_tokens(tmp_path):
    """deploy/apache."""
    apache, plain, secure = program("apache2"), free_port(), free_port()
    site = with_files_of(tmp_path, (DEPLOY / "apache/ws.example.com.conf").read_text()).replace("*:80>", f"*:{plain}>").replace("*:443>", f"*:{secure}>")
    named = re.search(r"^# Modules: (.+)$", site, re.MULTILINE)[1].split()
    loaded = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in ["mpm_event", "authz_core", *named]]
    (tmp_path / "site.conf").write_text(site)
    settings = [f"ServerRoot {tmp_path}", f"ErrorLog {tmp_path}/error.log", f"PidFile {tmp_path}/pid", "ServerName localhost", f"Listen 127.0.0.1:{plain}", f"Listen 127.0.0.1:{secure}", "DefaultRuntimeDir ."]
    (tmp_path / "apache.conf").write_text("\n".join([*loaded, *settings, f"Include {tmp_path}/site.conf"]))
    with running(tmp_path, apache, "-DFOREGROUND", "-f", tmp_path / "apache.conf", APACHE_LOG_DIR=str(tmp_path)):
        ask_for_secrets(plain, secure, tmp_path)
    assert SECRET not in logged(tmp_path)
    assert logged(tmp_path).count('"GET ') >= 2 * len(TARGETS)


def test_systemd(tmp_path):
    """deploy/systemd."""
    analyze = program("systemd-analyze")
    unit = re.sub(r"ExecStart=\S+", f"ExecStart={binary.find()}", (DEPLOY / "systemd/parley.service").read_text())
    (tmp_path / "parley.service").write_text(unit)
    assert "parley.service" not in accepted(analyze, "verify", "--man=no", tmp_path / "parley.service")


def test_pm2():
    """deploy/ecosystem.config.js."""
    said = accepted(program("node"), "-p", f"JSON.stringify(require('{DEPLOY}/ecosystem.config.js').apps.map(app => app.args))")
    assert said.strip() == '["serve"]'


def test_every_file_is_in_the_page():
    """deploy/README.md."""
    page = (DEPLOY / "README.md").read_text()
    files = [str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*") if path.is_file() and path.name != "README.md"]
    assert not [name for name in files if f"`{name}`" not in page]

"""Files in `deploy/` are accepted by the programs that they are for. What they do behind nginx: test_gateway_nginx."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import binary
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

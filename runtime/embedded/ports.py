"""Ports: free, or taken by whom."""

import errno
import secrets
import socket

import psutil

from runtime.embedded.trouble import CannotRun

#: Below the ports that systems give to connections and to whoever asks for any: a server that starts a moment later
#: (Temporal asks for some of its own) can't be given one of these by chance.
_QUIET = range(10_240, 32_000)
_given: set[int] = set()


def require_free(port: int, purpose: str, option: str) -> None:
    """Raises ``CannotRun`` naming the port, who has it, and the option that chooses another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotRun(_why(error, port, purpose), f"Choose another with {option}.") from error


def any_free() -> int:
    """A free port, for uses where nobody needs to know it beforehand. Never the same twice from one process."""
    while True:
        port = secrets.choice(_QUIET)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _why(error: OSError, port: int, purpose: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} ({purpose}) is taken{_holder(port)}."
    return f"Port {port} ({purpose}) can't be used: {error.strerror}."


def _holder(port: int) -> str:
    """Who listens there, as far as this user may see."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return " by another program"

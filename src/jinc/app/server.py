"""The server of the page: on this machine only, without traces when it ends."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from jinc.errors import JincError
from jinc.files import one_line

LARGEST = "16mb"
"""Of an uploaded file."""

STYLE = Path(__file__).parent / "page.css"

ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ALLOWED_PATHS": "",
    "GRADIO_SHARE": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@contextmanager
def surroundings() -> Iterator[Path]:
    """Set the environment of Gradio, and yield a folder for files of jobs.

    Gradio copies what it shows to a folder beside it. Both are removed at the end.
    """
    before = dict(os.environ)
    with TemporaryDirectory(prefix="jinc-app-") as folder:
        jobs, shown = Path(folder, "jobs"), Path(folder, "shown")
        jobs.mkdir()
        shown.mkdir()
        os.environ.update(ENVIRONMENT, GRADIO_TEMP_DIR=str(shown))
        try:
            yield jobs
        finally:
            os.environ.clear()
            os.environ.update(before)


def check_port(host: str, port: int) -> None:
    """Check that a port is free.

    Raises:
        JincError: it is not, or there is no such address.
    """
    if not 1 <= port < 2**16:
        raise JincError(f"--port: {port} is not from 1 to 65535")
    try:
        kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror as error:
        raise JincError(f"--host: {host}: {one_line(error)}") from None
    except OSError as error:
        reason = f"{one_line(error)}; choose another"
        raise JincError(f"--port: {host} {port}: {reason}") from None


@contextmanager
def serving(page: Any, host: str, port: int, *, share: bool, browser: bool) -> Iterator[str]:
    """Serve a page, and yield its address.

    Args:
        page: `gradio.Blocks`.
        host: address to listen on.
        port: free port.
        share: whether to make a public link.
        browser: whether to open the page.

    Raises:
        JincError: the server or the link cannot start.
    """
    from jinc.app.page import theme

    try:
        _, local, public = page.launch(
            server_name=host,
            server_port=port,
            share=share,
            inbrowser=browser,
            prevent_thread_lock=True,
            inline=False,
            quiet=True,
            show_error=False,
            max_file_size=LARGEST,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            mcp_server=False,
            theme=theme(),
            css_paths=[STYLE],
        )
        if share and public is None:
            raise JincError("--share: no public link could be made; leave it out")
        yield public or local
    except (OSError, ValueError) as error:
        if isinstance(error, JincError):
            raise
        raise JincError(f"app: the server did not start ({one_line(error)})") from None
    finally:
        page.close(verbose=False)


def wait() -> None:
    """Return at SIGTERM or Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt

"""`jinc app`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from jinc.app.jobs import Context
from jinc.app.server import check_port, serving, surroundings, wait
from jinc.cli.naming import named
from jinc.errors import JincError
from jinc.models import UpscalingModel, keep_freed_memory, load


def app(
    source: str = "mnist",
    /,
    *,
    port: int = 7860,
    host: str = "127.0.0.1",
    device: str = "auto",
    share: Annotated[bool, Parameter(negative=())] = False,
    browser: bool = True,
) -> None:
    """Open a page in the browser that generates, rotates, edits and upscales with a model.

    Everything stays on this machine: the page loads nothing from elsewhere, and its files are
    deleted when Ctrl-C ends it.

    Args:
        source: a run or model folder, the name of a bundled model, or of one on the Hub.
        port: of the page.
        host: address to listen on; 0.0.0.0 lets other machines in.
        device: cpu, cuda, mps, or auto, the fastest available.
        share: make a public link through Gradio's servers.
        browser: open the page in the browser.
    """
    if find_spec("gradio") is None:
        raise JincError('app: needs Gradio, which is not installed; pip install "jinc[app]"')
    check_port(host, port)
    with surroundings() as folder:
        context = opened(source, device, folder)
        from jinc.app.page import build  # Gradio reads the surroundings when it is imported

        page = build(context)
        with serving(page, host, port, share=share, browser=browser) as address:
            print(f"{address} shows {source}; Ctrl-C ends it", flush=True)
            wait()


def opened(source: str, device: str, folder: Path) -> Context:
    """Open a model or an upscaler for a page.

    Raises:
        JincError: there is neither, or the device is not available.
    """
    keep_freed_memory()
    with named("device"):
        model = load(source, device=device)
    if isinstance(model, UpscalingModel):
        return Context(source, device, folder, upscaler=model)
    return Context(source, device, folder, model=model)

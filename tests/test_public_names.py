"""The names that `import jinc` offers."""

import subprocess
import sys

import pytest

import jinc


def test_every_public_name_is_there() -> None:
    for name in jinc.__all__:
        assert getattr(jinc, name) is not None
    assert set(jinc.__all__) <= set(dir(jinc))


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'resnet'"):
        _ = jinc.resnet


def test_importing_is_free() -> None:
    code = "import jinc, jinc.bundled, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_networks_are_opened_and_run_without_the_compiler(tmp_path) -> None:
    """Importing it takes longer than many images do."""
    jinc.UNet("D@6", channels=1, width=8, classes=2).save(tmp_path)
    code = (
        "import sys, torch, jinc\n"
        f"network = jinc.UNet.load({str(tmp_path)!r})\n"
        "network(torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.long))\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

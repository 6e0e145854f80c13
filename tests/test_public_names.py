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
    code = "import jinc, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]

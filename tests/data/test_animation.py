"""What is saved is what is seen, frame by frame."""

import sys

import numpy as np
import pytest
from PIL import Image

from jinc.data import check_animation, save_animation
from jinc.errors import JincError

FPS = {".gif": (0.5, 12, 50), ".webp": (0.5, 12, 100), ".apng": (0.5, 12, 100)}


def blobs(count: int, height: int, width: int, channels: int) -> list[np.ndarray]:
    """Smooth frames with many colours, none like another."""
    y, x = np.mgrid[:height, :width]
    waves = [
        [np.sin(x / (5 + c) + k / 2 + c) * np.cos(y / (4 + c) - k / 3) for c in range(channels)]
        for k in range(count)
    ]
    return [(np.stack(wave, -1) * 120 + 128).astype(np.uint8) for wave in waves]


def read(path) -> tuple[list[np.ndarray], list[float]]:
    """Frames in colour, and for how many milliseconds each is shown."""
    frames, durations = [], []
    with Image.open(path) as picture:
        assert picture.info["loop"] == 0
        for index in range(picture.n_frames):
            picture.seek(index)
            frames.append(np.asarray(picture.convert("RGB")))
            durations.append(picture.info["duration"])
    return frames, durations


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((np.asarray(a, float) - b) ** 2)
    return float(-10 * np.log10(error / 255**2 + 1e-12))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".APNG"])
def test_frames_are_kept(tmp_path, suffix, channels) -> None:
    frames = blobs(5, 33, 21, channels)
    for fps in FPS[suffix.lower()]:
        save_animation(tmp_path / f"new/x{suffix}", frames, fps)
        found, durations = read(tmp_path / f"new/x{suffix}")
        assert len(found) == 5
        assert durations == pytest.approx([1000 / fps] * 5, abs=5 if suffix == ".gif" else 0.5)
        for frame, kept in zip(frames, found, strict=True):
            if suffix == ".gif" and channels == 3:
                assert psnr(kept, frame) > 25
            else:
                np.testing.assert_array_equal(kept, np.broadcast_to(frame, kept.shape))


def test_a_gif_keeps_all_greys_of_colour_frames_without_colour(tmp_path) -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    frames = [np.repeat(ramp, 3, axis=2), np.repeat(ramp[::-1], 3, axis=2)]
    save_animation(tmp_path / "x.gif", frames)
    np.testing.assert_array_equal(read(tmp_path / "x.gif")[0], frames)


def test_areas_of_a_gif_that_stand_still_do_not_flicker(tmp_path) -> None:
    """Something of many other colours passes by; the rest keeps its mean colours."""
    still = blobs(1, 48, 48, 3)[0]
    frames = []
    for k in range(4):
        frame = still.copy()
        frame[32:] = np.random.default_rng(k).integers(60 * k, 60 * k + 60, (16, 48, 3))
        frames.append(frame)
    save_animation(tmp_path / "x.gif", frames)
    seen = np.stack(read(tmp_path / "x.gif")[0])[:, :32].reshape(4, 4, 8, 6, 8, 3).mean((2, 4))
    true = still[:32].reshape(4, 8, 6, 8, 3).mean((1, 3))
    assert np.abs(seen - true).max() < 6
    assert np.abs(np.diff(seen, axis=0)).max() < 4


@pytest.mark.parametrize("size", [(32, 48), (33, 48), (32, 47), (33, 47)])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_mp4_shows_every_frame(tmp_path, size, channels) -> None:
    av = pytest.importorskip("av")
    frames = blobs(7, *size, channels)
    save_animation(tmp_path / "x.mp4", frames, fps=12.5)
    with av.open(str(tmp_path / "x.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 12.5
        assert container.duration == pytest.approx(7 / 12.5 * 1e6, rel=0.02)
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = size
    even = (height + height % 2, width + width % 2, 3)
    assert [frame.shape for frame in found] == [even] * 7
    pad = ((0, height % 2), (0, width % 2), (0, 0))
    for frame, kept in zip(frames, found, strict=True):
        expected = np.broadcast_to(np.pad(frame, pad, "edge"), even)
        assert psnr(kept, expected) > 28
        assert psnr(kept[-2:], expected[-2:]) > 26  # repeated, neither black nor rescaled
        assert psnr(kept[:, -2:], expected[:, -2:]) > 26


def test_an_mp4_names_the_matrix_that_it_is_made_with(tmp_path) -> None:
    """Luma of BT.709, 16 + 219 (0.2126 R + 0.7152 G + 0.0722 B), and the file says so."""
    av = pytest.importorskip("av")
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]])
    frames = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    save_animation(tmp_path / "x.mp4", frames)
    with av.open(str(tmp_path / "x.mp4")) as container:
        found = list(container.decode(video=0))
        encoder = container.streams.video[0].codec_context
        assert (encoder.colorspace, encoder.color_primaries, encoder.color_trc) == (1, 1, 1)
        assert encoder.color_range == 1
    luma = [int(frame.to_ndarray()[16, 16]) for frame in found]
    expected = 16 + 219 / 255 * colours @ [0.2126, 0.7152, 0.0722]
    assert luma == pytest.approx(expected, abs=2)


def test_without_pyav_an_mp4_says_what_it_needs(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(JincError, match=r'x.mp4: an MP4 needs pip install "jinc\[video\]"'):
        save_animation(tmp_path / "x.mp4", blobs(2, 8, 8, 1))
    save_animation(tmp_path / "x.webp", blobs(2, 8, 8, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["x.webp"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("x.gfi", "did you mean .gif"),
        ("x.webm", "did you mean .webp"),
        ("x", "there are .gif, .webp"),
        ("x.jpeg", "no kind of animation"),
    ],
)
def test_other_endings(tmp_path, name, says) -> None:
    with pytest.raises(JincError, match=says):
        check_animation(tmp_path / name, 12)
    with pytest.raises(JincError, match=says):
        save_animation(tmp_path / name, blobs(2, 8, 8, 1))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng", ".mp4"])
def test_fps_out_of_range(tmp_path, suffix) -> None:
    if suffix == ".mp4":
        pytest.importorskip("av")
    for fps in (0, -1, 1e-9, 1001, float("nan"), float("inf")):
        with pytest.raises(JincError, match="fps must be"):
            save_animation(tmp_path / f"x{suffix}", blobs(2, 8, 8, 1), fps)
    save_animation(tmp_path / f"x{suffix}", blobs(2, 8, 8, 1), 0.02)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4"])
def test_a_size_that_no_encoder_takes_leaves_the_older_file(tmp_path, suffix) -> None:
    if suffix == ".mp4":
        pytest.importorskip("av")
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"older")
    with pytest.raises(JincError, match=rf"x{suffix}: cannot be written"):
        save_animation(path, [np.full((2, 70_000, 1), k, np.uint8) for k in (0, 9)])
    assert path.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fps", [0.5, 10, 12, 50])
def test_a_gif_plays_every_frame_at_its_pace(tmp_path, channels, fps) -> None:
    frames = [np.full((8, 6, channels), level, np.uint8) for level in (0, 90, 255)]
    save_animation(tmp_path / "x.gif", frames, fps)
    with Image.open(tmp_path / "x.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (3, 0)
        for index, frame in enumerate(frames):
            gif.seek(index)
            np.testing.assert_array_equal(gif.convert("RGB"), np.broadcast_to(frame, (8, 6, 3)))
            assert abs(gif.info["duration"] - 1000 / fps) <= 5


@pytest.mark.parametrize(
    ("frames", "fps", "reason"),
    [
        ([], 10, "one or more frames"),
        ([np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)], 10, "of one shape"),
        ([np.zeros((4, 4, 3), np.uint8)], 0, "fps must be"),
        ([np.zeros((4, 4, 3), np.uint8)], 51, "fps must be"),
    ],
)
def test_gif_arguments_out_of_range(tmp_path, frames, fps, reason) -> None:
    with pytest.raises(JincError, match=f"x.gif: .*{reason}"):
        save_animation(tmp_path / "x.gif", frames, fps)
    assert not (tmp_path / "x.gif").exists()

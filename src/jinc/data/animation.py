"""Pictures one after another: GIF, WebP, APNG and MP4, by the end of the file's name."""

import importlib.util
import math
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jinc.data.images import to_picture
from jinc.errors import JincError, unknown
from jinc.files import one_line, writing

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame

ANIMATIONS = (".gif", ".webp", ".apng", ".mp4")
"""What names of animations end in."""

SLOWEST = 0.02
"""Frames a second; none is shown for more than 50 seconds."""

PALETTE_PIXELS = 2**18
"""Pixels that the colours of a GIF are chosen from, evenly from all."""

BT709 = 1
"""The number of the standard, of its primaries and its transfer in ITU-T H.273."""

STUDIO = 1
"""Luma from 16 to 235, FFmpeg's number."""


def save_animation(path: str | Path, frames: Sequence[NDArray[np.uint8]], fps: float = 12) -> None:
    """Save pictures as an animation; the file appears when it is complete.

    Args:
        path: the file, in a folder that is made if need be. `.gif` keeps greys exactly, and 256
            colours a frame; `.webp` and `.apng` keep everything; `.mp4` is H.264 with halved
            colour, and a row or column more where the size is odd. All but the last repeat.
        frames: uint8 arrays `[height, width, 1 or 3]` of one shape, such as `image_grid` gives.
        fps: pictures a second, 0.02 to 50 for GIF, which counts in hundredths of a second; to
            1,000 for the others.

    Raises:
        JincError: another ending, fps out of range, no frame, frames that differ in shape, PyAV
            missing, or the file cannot be written.
    """
    path = Path(path)
    check_animation(path, fps)
    kinds: dict[str, Callable[[BinaryIO, Sequence[NDArray[np.uint8]], float], None]]
    kinds = {".gif": _gif, ".webp": _webp, ".apng": _apng, ".mp4": _mp4}
    _save(path, frames, fps, kinds[path.suffix.lower()])


def check_animation(path: Path, fps: float) -> None:
    """Find out, before there are frames, whether an animation can be saved.

    Args:
        path: the file that it is to be; nothing is looked at but its name.
        fps: pictures a second.

    Raises:
        JincError: no animation has such an ending, PyAV is missing, or fps is out of range.
    """
    suffix = path.suffix.lower()
    if suffix not in ANIMATIONS:
        raise unknown(f"{path}: {suffix!r} is no kind of animation", suffix, ANIMATIONS)
    if suffix == ".mp4" and importlib.util.find_spec("av") is None:
        raise JincError(f'{path}: an MP4 needs pip install "jinc[video]"')
    _check_fps(path, fps, fastest=50 if suffix == ".gif" else 1000)


def _check_fps(path: Path, fps: float, fastest: int) -> None:
    if not SLOWEST <= fps <= fastest:
        raise JincError(f"{path}: fps must be {SLOWEST} to {fastest}, not {fps}")


def _save(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    fps: float,
    encode: Callable[[BinaryIO, Sequence[NDArray[np.uint8]], float], None],
) -> None:
    """Check the frames, and let them be written to a file that is renamed at the end."""
    if not frames or len({frame.shape for frame in frames}) != 1:
        raise JincError(f"{path}: an animation needs one or more frames of one shape")
    if all(_is_grey(frame) for frame in frames):
        frames = [frame[..., :1] for frame in frames]
    with writing(path) as file:
        try:
            encode(file, frames, fps)
        except (
            ValueError,
            OverflowError,
            RuntimeError,
            struct.error,
        ) as error:  # of a size that does not fit
            raise JincError(f"{path}: cannot be written ({one_line(error)})") from None


def _is_grey(frame: NDArray[np.uint8]) -> bool:
    return bool((frame == frame[..., :1]).all())


def _gif(file: BinaryIO, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    pictures = [to_picture(frame) for frame in frames]
    if pictures[0].mode == "RGB":
        pictures = _in_one_palette(pictures)
    _animate(file, "GIF", pictures, 10 * round(100 / fps))


def _webp(file: BinaryIO, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    _animate(file, "WEBP", [*map(to_picture, frames)], round(1000 / fps), lossless=True)


def _apng(file: BinaryIO, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    _animate(file, "PNG", [*map(to_picture, frames)], round(1000 / fps))


def _animate(
    file: BinaryIO, kind: str, pictures: Sequence[Image.Image], ms: int, **options: Any
) -> None:
    """Let Pillow write pictures that are each shown for `ms` milliseconds, again and again."""
    first, *others = pictures
    first.save(file, kind, save_all=True, append_images=others, duration=ms, loop=0, **options)


def _in_one_palette(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Find 256 colours for all pictures, and spread over neighbours what each pixel lacks.

    A palette for each picture, or one without the spreading, changes colours from one picture to
    the next: areas that stand still flicker.
    """
    pixels = np.concatenate([np.asarray(picture).reshape(-1, 3) for picture in pictures])
    some = np.ascontiguousarray(pixels[:: math.ceil(len(pixels) / PALETTE_PIXELS)])
    palette = Image.fromarray(some[None]).quantize(256, Image.Quantize.MAXCOVERAGE)
    dither = Image.Dither.FLOYDSTEINBERG
    return [picture.quantize(palette=palette, dither=dither) for picture in pictures]


def _mp4(file: BinaryIO, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    """Encode H.264, which wants even sizes: the last row or column is repeated, not rescaled."""
    import av

    rows, columns = (side % 2 for side in frames[0].shape[:2])
    margin = (0, rows), (0, columns), (0, 0)
    try:
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", Fraction(fps).limit_denominator(1001))
            stream.height, stream.width = frames[0].shape[0] + rows, frames[0].shape[1] + columns
            stream.pix_fmt, stream.options = "yuv420p", {"crf": "15"}
            _name_colours(stream.codec_context)
            for pixels in frames:
                container.mux(stream.encode(_yuv(np.pad(pixels, margin, "edge"))))
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise RuntimeError(error.strerror) from None


def _name_colours(encoder: "VideoCodecContext") -> None:
    """Say in the file which colours are meant, for players guess by the size."""
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = BT709
    encoder.color_range = STUDIO


def _yuv(pixels: NDArray[np.uint8]) -> "VideoFrame":
    """Bytes `[height, width, 1 or 3]` as luma and halved chroma."""
    from av import VideoFrame

    rgb = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    return VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format="yuv420p", dst_colorspace=BT709, dst_color_range=STUDIO
    )

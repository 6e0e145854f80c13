"""Animations: GIF, WebP, APNG and MP4, by the suffix of the file."""

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
"""Suffixes of animations."""

SLOWEST = 0.02
"""Minimum frames per second."""

PALETTE_PIXELS = 2**18
"""Pixels that the palette of a GIF is computed from, evenly spaced."""

BT709 = 1
"""The colour space, primaries and transfer of BT.709, as numbered in ITU-T H.273."""

STUDIO = 1
"""FFmpeg's number of the range 16 to 235 of luma."""


def save_animation(path: str | Path, frames: Sequence[NDArray[np.uint8]], fps: float = 12) -> None:
    """Save frames as an animation, atomically.

    Args:
        path: the file. `.gif` is lossless for grey, with 256 colours otherwise; `.webp` and `.apng`
            are lossless; `.mp4` is H.264 with 4:2:0 chroma, padded to an even size. All but MP4
            loop.
        frames: uint8 arrays `[height, width, 1 or 3]` of one shape, such as `image_grid` returns.
        fps: frames per second, 0.02 to 50 for GIF, which counts in hundredths of a second; up to
            1,000 for the others.

    Raises:
        JincError: the suffix or fps is invalid, there is no frame, frames differ in shape, PyAV is
            missing, or the file cannot be written.
    """
    path = Path(path)
    check_animation(path, fps)
    kinds: dict[str, Callable[[BinaryIO, Sequence[NDArray[np.uint8]], float], None]]
    kinds = {".gif": _gif, ".webp": _webp, ".apng": _apng, ".mp4": _mp4}
    _save(path, frames, fps, kinds[path.suffix.lower()])


def check_animation(path: Path, fps: float) -> None:
    """Check the suffix and fps of an animation before it is made."""
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
    """Check the frames, and encode them to a file that is renamed at the end."""
    if not frames or len({frame.shape for frame in frames}) != 1:
        raise JincError(f"{path}: an animation needs one or more frames of one shape")
    if all(_is_grey(frame) for frame in frames):
        frames = [frame[..., :1] for frame in frames]
    with writing(path) as file:
        try:
            encode(file, frames, fps)
        except (ValueError, OverflowError, RuntimeError, struct.error) as error:  # a size too large
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
    """Write a looping animation with Pillow, `ms` milliseconds per frame."""
    first, *others = pictures
    first.save(file, kind, save_all=True, append_images=others, duration=ms, loop=0, **options)


def _in_one_palette(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Quantise all frames to one palette of 256 colours, with dithering.

    A palette per frame, or no dithering, would make still areas flicker.
    """
    pixels = np.concatenate([np.asarray(picture).reshape(-1, 3) for picture in pictures])
    some = np.ascontiguousarray(pixels[:: math.ceil(len(pixels) / PALETTE_PIXELS)])
    palette = Image.fromarray(some[None]).quantize(256, Image.Quantize.MAXCOVERAGE)
    dither = Image.Dither.FLOYDSTEINBERG
    return [picture.quantize(palette=palette, dither=dither) for picture in pictures]


def _mp4(file: BinaryIO, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    """Encode H.264, which needs even sizes: the last row or column is repeated, not rescaled."""
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
    """Tag the colour space, which players would guess by the size."""
    encoder.colorspace = encoder.color_primaries = encoder.color_trc = BT709
    encoder.color_range = STUDIO


def _yuv(pixels: NDArray[np.uint8]) -> "VideoFrame":
    """Bytes `[height, width, 1 or 3]` as luma and halved chroma."""
    from av import VideoFrame

    rgb = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    return VideoFrame.from_ndarray(rgb, "rgb24").reformat(
        format="yuv420p", dst_colorspace=BT709, dst_color_range=STUDIO
    )

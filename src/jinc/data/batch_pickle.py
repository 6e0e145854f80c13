"""CIFAR's pickled batches, read by an interpreter of an allow-list of opcodes that calls nothing.

It knows the opcodes of numbers, strings, lists, tuples and dicts, and stand-ins for the few names
that NumPy's arrays need. `pickle.Unpickler` with a `find_class` would not do: it allocates a memo
of the index that `LONG_BINPUT` gives and buffers of declared lengths, hashes any key (nested tuples
take exponential time), and lets `BUILD` set attributes of the stand-ins.
"""

import io
import math
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_OPCODES = 1_000_000  # a batch of 10,000 images has some 30,000
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_NAMES = {
    **{(module, "_reconstruct"): "empty array" for module in _MULTIARRAY},
    **{(module, "_frombuffer"): "whole array" for module in _NUMERIC},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
}
_DTYPES = ("u1", "i4", "i8")
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_VALUES = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINSTRING", "SHORT_BINSTRING"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_ACTIONS = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "EMPTY_DICT", "EMPTY_LIST"),
        *("BINPUT", "LONG_BINPUT", "MEMOIZE", "BINGET", "LONG_BINGET"),
        *("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "SETITEM", "SETITEMS"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    )
)
_ALLOWED = _VALUES | _CONSTANTS.keys() | _ACTIONS


class RefusedPickle(ValueError):
    """A pickle that asks for more than the data of a batch."""


@dataclass(frozen=True)
class _Name:
    """An allowed name; compared, never called."""

    role: str


@dataclass
class _Dtype:
    """A NumPy dtype."""

    code: str


@dataclass
class _Array:
    """A NumPy array whose shape and bytes have not been checked yet."""

    code: str = "u1"
    shape: tuple[int, ...] = (0,)
    data: bytes | bytearray = b""
    order: str = "C"


class _Mark:
    """The beginning of a run of items on the stack."""


class _Machine:
    """The stack and the memo of a pickle; each method is one kind of opcode."""

    def __init__(self, budget: int) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.budget = budget  # bytes that may be encoded: a memo could repeat a long string

    def pop_to_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while not isinstance(self.stack[at], _Mark):
            at -= 1
            if at < 0:
                raise RefusedPickle("its items have no beginning")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise RefusedPickle("it sets items where there is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_text(key)] = value

    def append(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise RefusedPickle("it appends where there is no list")
        self.stack[-1].extend(items)

    def name(self, module: Any, name: Any) -> None:
        role = _NAMES.get((_text(module), _text(name)))
        if role is None:
            asked = repr(f"{_text(module)}.{_text(name)}"[:80])
            raise RefusedPickle(f"it asks for {asked}, and code from data is never run")
        self.stack.append(_Name(role))

    def encoded(self, text: str) -> bytes:
        self.budget -= len(text)
        if self.budget < 0:
            raise RefusedPickle("it repeats long strings")
        return text.encode("latin-1")

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        match (function, arguments):
            case (_Name("encode"), (str(text), "latin1" | "latin-1")):
                result: Any = self.encoded(text)
            case (_Name("dtype"), (str(code), *_)) if code in _DTYPES:
                result = _Dtype(code)
            case (_Name("empty array"), (_Name("ndarray"), *_)):
                result = _Array()
            case (
                _Name("whole array"),
                (bytes() | bytearray() as raw, _Dtype(code), tuple(shape), order),
            ):
                result = _Array(code, shape, raw, order)
            case _:
                raise RefusedPickle("it builds something that is no array of whole numbers")
        self.stack.append(result)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        match (target, state):
            case (_Dtype(), (_, "<" | "|" | "=", None, *_)):
                pass  # the code says all: little-endian, without fields
            case (_Array(), (_, tuple(shape), _Dtype(code), bool(fortran), str() | bytes() as raw)):
                target.code, target.shape, target.order = code, shape, "F" if fortran else "C"
                # Python 2's byte strings come as text, one character a byte.
                target.data = self.encoded(raw) if isinstance(raw, str) else raw
            case _:
                raise RefusedPickle("it sets a state that is no array's")

    def step(self, op: str, argument: Any) -> None:
        stack = self.stack
        if op in _VALUES:
            stack.append(argument)
        elif op in _CONSTANTS:
            stack.append(_CONSTANTS[op])
        elif op in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif op in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif op in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(op[-1])
            stack[-count:] = [tuple(stack[-count:])]
        else:
            self.rare_step(op, argument)

    def rare_step(self, op: str, argument: Any) -> None:
        match op:
            case "MARK":
                self.stack.append(_Mark())
            case "EMPTY_DICT":
                self.stack.append({})
            case "EMPTY_LIST":
                self.stack.append([])
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "TUPLE":
                self.stack.append(tuple(self.pop_to_mark()))
            case "APPEND":
                self.append([self.stack.pop()])
            case "APPENDS":
                self.append(self.pop_to_mark())
            case "SETITEM":
                self.set_items([self.stack.pop(-2), self.stack.pop()])
            case "SETITEMS":
                self.set_items(self.pop_to_mark())
            case "GLOBAL":
                self.name(*argument)
            case "STACK_GLOBAL":
                self.name(self.stack.pop(-2), self.stack.pop())
            case "REDUCE":
                self.reduce()
            case "BUILD":
                self.build()


def _operations(file: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Yield opcodes and their arguments; an opcode is refused before its argument is read."""
    for _ in range(_MOST_OPCODES):
        opcode = _OPCODES.get(file.read(1))
        if opcode is None:
            raise RefusedPickle("it is damaged")
        if opcode.name not in _ALLOWED:
            raise RefusedPickle(f"it uses {opcode.name}, which the data of a batch does not need")
        if opcode.name == "STOP":
            return
        if opcode.name == "GLOBAL":  # its reader in pickletools would interpret backslashes
            yield opcode.name, (file.readline()[:-1], file.readline()[:-1])
        else:
            yield opcode.name, opcode.arg.reader(file) if opcode.arg is not None else None
    raise RefusedPickle("it has too many parts")


def _text(key: Any) -> str:
    """Convert a key or a name to text: anything else could be costly to hash."""
    if isinstance(key, bytes):
        return key.decode("latin-1")
    if not isinstance(key, str):
        raise RefusedPickle("a key or a name is not text")
    return key


def _array(found: _Array) -> NDArray[np.integer[Any]]:
    """Convert a stand-in to an array after checking its shape against its bytes."""
    dtype = np.dtype(f"<{found.code}")
    sizes = [n for n in found.shape if type(n) is int and 0 <= n <= len(found.data)]
    if len(sizes) != len(found.shape) or not 1 <= len(sizes) <= 2:
        raise RefusedPickle("an array has an impossible shape")
    if math.prod(sizes) * dtype.itemsize != len(found.data) or found.order not in ("C", "F"):
        raise RefusedPickle(f"an array of shape {sizes} has {len(found.data)} bytes")
    flat = np.frombuffer(found.data, dtype)
    return flat.reshape(sizes, order="F" if found.order == "F" else "C")


def load_batch(data: bytes) -> dict[str, Any]:
    """Load the dict of a pickled CIFAR batch without running code.

    Args:
        data: a pickle of protocol 2 to 5: a dict of lists, texts and arrays of whole numbers.

    Returns:
        The dict, with text for keys and arrays for arrays.

    Raises:
        RefusedPickle: it is damaged or asks for anything else.
    """
    machine = _Machine(len(data))
    try:
        for op, argument in _operations(io.BytesIO(data)):
            machine.step(op, argument)
        (batch,) = machine.stack
    except RefusedPickle:
        raise
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise RefusedPickle("it is damaged") from error
    if not isinstance(batch, dict):
        raise RefusedPickle("it holds no dict")
    return {k: _array(v) if isinstance(v, _Array) else v for k, v in batch.items()}

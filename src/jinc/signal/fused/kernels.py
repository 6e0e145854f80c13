"""The Triton kernels of `gpu`: filters as products of small matrices, along the rows of maps.

One row of M maps is a matrix x `[M, IN]`. Let T(j) be the matrix `[IN, 2·IN]` that upsamples it by
every second row of the taps. Two successive fine rows are sums over the same J = K/2 rows, for
the taps are symmetric: u(p) = Σ_j x(j) T(p ? J−1−j : j). The same matrices, transposed, distribute
two fine rows over J rows of a downsampled map. A program walks down M maps and holds J unfinished
rows of y, so that fine rows never leave it. `docs/kernels.md` counts what that costs.
"""

import triton
import triton.language as tl


@triton.jit
def sigmoid(z, FAST: tl.constexpr):
    """Return 1/(1 + e^−z); FAST has 11 bits, for types of 16, and half the special functions."""
    if FAST:
        s = 0.5 + 0.5 * tl.inline_asm_elementwise(
            "tanh.approx.f32 $0, $1;", "=f,f", [0.5 * z], tl.float32, is_pure=True, pack=1
        )
    else:
        s = tl.sigmoid(z)
    return s


@triton.jit
def gate(u, ACTIVATION: tl.constexpr, SHORT: tl.constexpr, FAST: tl.constexpr):
    """Return σ(u)/u; SHORT has GELU to 2.5e-5, for types of 16 bits."""
    if ACTIVATION == "gelu" and SHORT:
        q = tl.minimum(u * u, 40.0)  # beyond it s is 0 or 1, and the polynomial would turn
        s = sigmoid(u * (1.59501569 + q * (0.07401136 - 0.000703043703 * q)), FAST)
    elif ACTIVATION == "gelu":
        s = 0.5 + 0.5 * tl.erf(u * 0.7071067811865476)
    elif ACTIVATION == "gelu_tanh":
        s = sigmoid(u * (1.5957691216057308 + 0.07135481282630431 * u * u), FAST)
    elif ACTIVATION == "silu":
        s = sigmoid(u, FAST)
    elif ACTIVATION == "relu":
        s = tl.where(u > 0, 1.0, 0.0)
    else:
        s = tl.full(u.shape, 1.0, u.dtype)
    return s


@triton.jit
def slope(u, ACTIVATION: tl.constexpr, SHORT: tl.constexpr, FAST: tl.constexpr):
    """Return σ'(u)."""
    s = gate(u, ACTIVATION, SHORT, FAST)
    if ACTIVATION == "gelu":
        s += u * tl.exp(-0.5 * u * u) * 0.3989422804014327
    elif ACTIVATION == "gelu_tanh":
        s += u * s * (1 - s) * (1.5957691216057308 + 0.21406443847891293 * u * u)
    elif ACTIVATION == "silu":
        s += u * s * (1 - s)
    return s


@triton.jit
def source(place, size, PADDING: tl.constexpr):
    """Return which pixel of a line the padding puts at a place; < 0 is a zero."""
    if PADDING == "circular":
        place = (place % size + size) % size
    elif PADDING == "reflect":
        place = (place % (2 * size) + 2 * size) % (2 * size)
        place = tl.minimum(place, 2 * size - 1 - place)
    else:
        place = tl.where(place < size, place, -1)
    return place


@triton.jit
def bands(
    taps,
    width,
    K: tl.constexpr,
    IN: tl.constexpr,
    DOWN: tl.constexpr,
    COPIES: tl.constexpr,
    PADDING: tl.constexpr,
    TYPE: tl.constexpr,
):
    """Return T(0) … T(J−1), transposed for the way down.

    With COPIES ≥ 0 they are for whole rows and include the padding, which continues a row by so
    many copies on either side; every second is mirrored for `reflect`.
    """
    column = tl.arange(0, IN)[:, None]
    fine = tl.arange(0, 2 * IN)[None, :]
    inside = (COPIES < 0) | ((column < width) & (fine < 2 * width))
    found = ()
    for j in tl.static_range(K // 2):
        band = tl.zeros((IN, 2 * IN), taps.dtype.element_ty)
        for i in tl.static_range(-max(COPIES, 0), max(COPIES, 0) + 1):
            place = column + i * width
            if PADDING == "reflect" and i % 2 == 1:
                place = (i + 1) * width - 1 - column
            at = fine + K // 2 - 1 - 2 * place
            mask = inside & (at >= 0) & (at < K)
            band += tl.load(taps + (K - 2 - 2 * j) * K + at, mask=mask, other=0.0)
        band = band.to(TYPE)
        found = found + (tl.trans(band) if DOWN else band,)
    return found


@triton.jit
def origins(x, count, channels, strides, M: tl.constexpr):
    """Return where the M maps of this program begin, `[M, 1]`, and which of them there are."""
    maps = (tl.program_id(0) * M + tl.arange(0, M))[:, None]
    at = (maps // channels).to(tl.int64) * strides[0] + (maps % channels) * strides[1]
    return x + at, maps < count


@triton.jit
def read(at, row, height, stride, mask, PADDING: tl.constexpr):
    """Load one row of M maps, `[M, columns]`."""
    row = source(row, height, PADDING)
    return tl.load(at + row * stride, mask=tl.where(row >= 0, mask, False), other=0.0)


@triton.jit
def read_all(at, first, height, stride, mask, COUNT: tl.constexpr, PADDING: tl.constexpr):
    """Load COUNT successive rows of M maps."""
    rows = ()
    for j in tl.static_range(COUNT):
        rows = rows + (read(at, first + j, height, stride, mask, PADDING),)
    return rows


@triton.jit
def fine_row(rows, weights, P: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr):
    """Upsample J rows to one fine row, the upper (P = 0) or the lower one of two."""
    J: tl.constexpr = len(rows)
    u = tl.zeros((rows[0].shape[0], weights[0].shape[1]), ACC)
    for j in tl.static_range(J):
        weight = weights[J - 1 - j if P else j]
        u = tl.dot(rows[j], weight, u, input_precision=PRECISION, out_dtype=ACC)
    return u


@triton.jit
def spread(v, weights, ys, P: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr):
    """Add what a fine row, the upper (P = 0) or the lower one of two, gives to J coarse ones."""
    J: tl.constexpr = len(ys)
    sums = ()
    for j in tl.static_range(J):
        weight = weights[J - 1 - j if P else j]
        sums = sums + (tl.dot(v, weight, ys[j], input_precision=PRECISION, out_dtype=ACC),)
    return sums


@triton.jit
def filtered_activation(
    x,
    g,
    y,
    up,
    down,
    kappa,
    count,
    channels,
    height,
    width,
    rows,
    x_strides,
    g_strides,
    y_strides,
    ACTIVATION: tl.constexpr,
    BACKWARD: tl.constexpr,
    PADDING: tl.constexpr,
    K: tl.constexpr,
    M: tl.constexpr,
    IN: tl.constexpr,
    HALO: tl.constexpr,
    COPIES: tl.constexpr,
    FAST: tl.constexpr,
    ACC: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute D (σ − κ)(U x) + κ x, or its gradient, Uᵀ [(σ' − κ)(U x) · Dᵀ g] + κ g."""
    J: tl.constexpr = K // 2
    TYPE: tl.constexpr = x.dtype.element_ty
    SHORT: tl.constexpr = TYPE.primitive_bitwidth == 16
    ups = bands(up, width, K, IN, False, COPIES, PADDING, TYPE)
    outs = bands(up if BACKWARD else down, width, K, IN, True, COPIES, PADDING, TYPE)
    if BACKWARD:
        downs = bands(down, width, K, IN, False, COPIES, PADDING, TYPE)

    local = tl.arange(0, IN)
    start = tl.program_id(2) * (IN - 2 * HALO) - HALO
    place = (start + local)[None, :]
    column = place if COPIES >= 0 else source(place, width, PADDING)
    fine = (2 * start + tl.arange(0, 2 * IN))[None, :]
    fine_mask = (fine >= 0) & (fine < 2 * width)
    x, known = origins(x, count, channels, x_strides, M)
    x += column * x_strides[3]
    g = origins(g, count, channels, g_strides, M)[0] + column * g_strides[3]
    y = origins(y, count, channels, y_strides, M)[0] + place * y_strides[3]
    read_mask = known & (column >= 0) & (column < width)
    write_mask = known & ((local >= HALO) & (local < IN - HALO))[None, :] & (place < width)

    first = tl.program_id(1) * rows
    ys = ()
    for _ in tl.static_range(J - 1):
        ys = ys + (tl.zeros((M, IN), ACC),)
    for row in range(first - J + 1, tl.minimum(first + rows, height)):
        given = read_all(x, row, height, x_strides[2], read_mask, J, PADDING)
        xs = given
        if BACKWARD:
            given = read_all(g, row, height, g_strides[2], read_mask, J, PADDING)
        ys = ys + (kappa * given[J - 1].to(ACC),)
        for p in tl.static_range(2):
            u = fine_row(xs, ups, p, ACC, PRECISION)
            if BACKWARD:
                v = slope(u, ACTIVATION, SHORT, FAST) - kappa
                v = v * fine_row(given, downs, p, ACC, PRECISION)
            else:
                v = u * (gate(u, ACTIVATION, SHORT, FAST) - kappa)
            if PADDING == "zeros":
                n = 2 * row + J - 1 + p
                v = tl.where(tl.where((n >= 0) & (n < 2 * height), fine_mask, False), v, 0)
            ys = spread(v.to(TYPE), outs, ys, p, ACC, PRECISION)
        done = tl.where(row >= first, write_mask, False)
        tl.store(y + row * y_strides[2], ys[0].to(TYPE), mask=done)
        ys = ys[1:]


@triton.jit
def upsample(
    x,
    y,
    up,
    count,
    channels,
    height,
    width,
    rows,
    x_strides,
    y_strides,
    PADDING: tl.constexpr,
    K: tl.constexpr,
    M: tl.constexpr,
    IN: tl.constexpr,
    HALO: tl.constexpr,
    COPIES: tl.constexpr,
    ACC: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Double the resolution of `[H, W]`, `rows` pairs of rows a program."""
    J: tl.constexpr = K // 2
    TYPE: tl.constexpr = x.dtype.element_ty
    ups = bands(up, width, K, IN, False, COPIES, PADDING, TYPE)
    local = tl.arange(0, 2 * IN)
    start = tl.program_id(2) * (IN - 2 * HALO) - HALO
    place = (start + tl.arange(0, IN))[None, :]
    column = place if COPIES >= 0 else source(place, width, PADDING)
    fine = (2 * start + local)[None, :]
    x, known = origins(x, count, channels, x_strides, M)
    y = origins(y, count, channels, y_strides, M)[0] + fine * y_strides[3]
    x += column * x_strides[3]
    read_mask = known & (column >= 0) & (column < width)
    local_mask = (local >= 2 * HALO) & (local < 2 * (IN - HALO))
    write_mask = known & local_mask[None, :] & (fine < 2 * width)

    first = tl.program_id(1) * rows
    for a in range(first, tl.minimum(first + rows, height + 1 - J % 2)):
        xs = read_all(x, a - J // 2, height, x_strides[2], read_mask, J, PADDING)
        for p in tl.static_range(2):
            n = 2 * a - 1 + J % 2 + p
            u = fine_row(xs, ups, p, ACC, PRECISION).to(TYPE)
            done = tl.where((n >= 0) & (n < 2 * height), write_mask, False)
            tl.store(y + n * y_strides[2], u, mask=done)


@triton.jit
def downsample(
    x,
    y,
    down,
    count,
    channels,
    height,
    width,
    rows,
    x_strides,
    y_strides,
    PADDING: tl.constexpr,
    K: tl.constexpr,
    M: tl.constexpr,
    IN: tl.constexpr,
    HALO: tl.constexpr,
    COPIES: tl.constexpr,
    ACC: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Halve the resolution to `[H, W]`, `rows` of them a program."""
    TYPE: tl.constexpr = x.dtype.element_ty
    downs = bands(down, width, K, IN, True, COPIES, PADDING, TYPE)
    local = tl.arange(0, IN)
    start = tl.program_id(2) * (IN - 2 * HALO) - HALO
    place = (start + local)[None, :]
    fine = (2 * start + tl.arange(0, 2 * IN))[None, :]
    column = fine if COPIES >= 0 else source(fine, 2 * width, PADDING)
    x, known = origins(x, count, channels, x_strides, M)
    y = origins(y, count, channels, y_strides, M)[0] + place * y_strides[3]
    x += column * x_strides[3]
    read_mask = known & (column >= 0) & (column < 2 * width)
    write_mask = known & ((local >= HALO) & (local < IN - HALO))[None, :] & (place < width)

    first = tl.program_id(1) * rows
    for row in range(first, tl.minimum(first + rows, height)):
        sums = tl.zeros((M, IN), ACC)
        for k in tl.static_range(K):
            v = read(x, 2 * row - K // 2 + 1 + k, 2 * height, x_strides[2], read_mask, PADDING)
            # the fine rows of a window are u(0), u(1) of J successive pairs, the last pair first
            weight = downs[(K // 2 - 1 - k // 2) if k % 2 == 0 else k // 2]
            sums = tl.dot(v, weight, sums, input_precision=PRECISION, out_dtype=ACC)
        tl.store(y + row * y_strides[2], sums.to(TYPE), mask=write_mask)

// The filtered activation on a CPU: up, nonlinearity and down in one pass over rows that stay in
// the cache. Numbers of channels that fill a vector are computed side by side; the fine map is
// never in memory whole. See docs/kernels.md; called by cpu.py.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define MOST_TAPS 16
#define LINE (16 / LANES)  // vectors of a cache line, which threads should not share

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4)));

enum { ZEROS, REFLECT, CIRCULAR };
enum { RELU, GELU, GELU_TANH, SILU };

// ---- nonlinearities ----

static inline vec choose(ints yes, vec a, vec b) {
    return (vec)((yes & (ints)a) | (~yes & (ints)b));
}

static inline vec clamp(vec x, float most) {
    vec high = (vec){0} + most;
    x = choose(x < high, x, high);
    return choose(x > -high, x, -high);
}

// e^x, relative error 2e-7: 2^n times a Taylor polynomial on |r| <= ln 2 / 2.
static inline vec exponential(vec x) {
    x = clamp(x, 87.0f);
    vec scaled = x * 1.44269504f;
    vec magic = scaled + 12582912.0f;  // 1.5 * 2^23: rounds to whole numbers
    vec n = magic - 12582912.0f;
    vec r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
    vec p = (vec){0} + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return (vec)((ints)p + (__builtin_convertvector(n, ints) << 23));
}

static const float ERF[] = {
    0.360736875f, -0.180109112f, 0.134082208f, -0.109160387f, 0.0906398633f,
    -0.0742409948f, 0.0581081f, -0.0422990046f, 0.0306081607f, -0.0229854386f,
    0.0127447132f, -0.00347009091f, 0.00308030902f, -0.00437319878f, 0.00174008523f};

// erf(z), absolute error 4e-7: odd, a fit in z^2 up to 3.92, from where it is 1.
static inline vec error_function(vec z) {
    z = clamp(z, 3.92f);
    vec t = z * z * (2.0f / (3.92f * 3.92f)) - 1.0f;
    vec p = (vec){0} + ERF[14];
    for (int i = 13; i >= 0; i--) p = p * t + ERF[i];
    return clamp(z * p, 1.0f);
}

static inline vec logistic(vec u) { return 1.0f / (1.0f + exponential(-u)); }

static inline vec inner_tanh(vec u) { return 1.59576912f * (u + 0.044715f * u * u * u); }

static inline __attribute__((always_inline)) vec value(int kind, vec u) {
    vec none = {0};
    switch (kind) {
        case RELU: return choose(u < none, none, u);
        case GELU: return 0.5f * u * (1.0f + error_function(0.70710678f * u));
        case GELU_TANH: return u * logistic(inner_tanh(u));
        case SILU: return u * logistic(u);
        default: return u;
    }
}

static inline __attribute__((always_inline)) vec slope(int kind, vec u) {
    vec none = {0}, one = none + 1.0f;
    switch (kind) {
        case RELU: return choose(u > none, one, none);
        case GELU:
            return 0.5f + 0.5f * error_function(0.70710678f * u) +
                   0.39894228f * u * exponential(-0.5f * u * u);
        case GELU_TANH: {
            vec s = logistic(inner_tanh(u));
            return s + u * s * (1.0f - s) * 1.59576912f * (1.0f + 0.134145f * u * u);
        }
        case SILU: {
            vec s = logistic(u);
            return s + u * s * (1.0f - s);
        }
        default: return one;
    }
}

// v := value(u) - kappa u, or (slope(u) - kappa) w where a gradient w is given
#define CASE(KIND)                                                                            \
    case KIND:                                                                                \
        if (w)                                                                                \
            for (long i = 0; i < n; i++) v[i] = (slope(KIND, v[i]) - kappa) * w[i];           \
        else                                                                                  \
            for (long i = 0; i < n; i++) v[i] = value(KIND, v[i]) - kappa * v[i];             \
        break;

static void activate(vec *v, const vec *w, long n, int kind, float kappa) {
    switch (kind) {
        CASE(RELU)
        CASE(GELU)
        CASE(GELU_TANH)
        CASE(SILU)
    }
}

// ---- maps ----

typedef struct {
    float *data;
    long batch, channel, row, column;  // strides
} Map;

static long source(long i, long size, int padding) {
    if (padding == CIRCULAR) return ((i % size) + size) % size;
    long period = 2 * size;
    i = ((i % period) + period) % period;
    return i < size ? i : period - 1 - i;
}

static inline void load(vec *to, const Map *map, const float *from, long width, int lanes) {
    if (map->channel == 1 && lanes == LANES)
        for (long b = 0; b < width; b++) to[b] = *(const vec *)(from + b * map->column);
    else
        for (int c = 0; c < lanes; c++)
            for (long b = 0; b < width; b++)
                to[b][c] = from[c * map->channel + b * map->column];
}

// y := filtered + kappa * x
static inline void store(
    float *to, const Map *map, const vec *row, const vec *x, float kappa, long width, int lanes) {
    if (map->channel == 1 && lanes == LANES)
        for (long b = 0; b < width; b++)
            *(vec *)(to + b * map->column) = row[b] + kappa * x[b];
    else
        for (int c = 0; c < lanes; c++)
            for (long b = 0; b < width; b++)
                to[c * map->channel + b * map->column] = row[b][c] + kappa * x[b][c];
}

static void pad(vec *row, long width, long halo, int padding) {
    for (long i = 1; i <= halo; i++) {
        vec none = {0};
        row[-i] = padding == ZEROS ? none : row[source(-i, width, padding)];
        row[width - 1 + i] = padding == ZEROS ? none : row[source(width - 1 + i, width, padding)];
    }
}

// ---- filters ----

#define UP 4    // columns of one block
#define DOWN 8

typedef struct {
    int taps, reach;              // reach: of the way up, coarse pixels
    float sums[5][8], differences[5][8];  // of the way up, by row and column of the coarse map
    float down[8][16];
} Filter;

// Both new rows of a coarse row are sums and differences of the rows around it, which are filtered
// half as often: the taps of one are the mirrored ones of the other.
static Filter upward(const float *taps, int count) {
    Filter filter = {.taps = count, .reach = count / 4};
    int s = count / 2 - 1, reach = count / 4;
    for (int f = 0; f < count / 2; f++) {
        int j = s + 1 - 2 * (f - (count / 2 - 1 - reach));
        for (int d = 0; d <= reach; d++) {
            int above = s + 1 - 2 * d, below = s + 1 + 2 * d;
            float a = above >= 0 ? taps[above * count + j] : 0;
            float b = below < count ? taps[below * count + j] : 0;
            filter.sums[d][f] = d ? (a + b) / 2 : a;
            filter.differences[d][f] = (a - b) / 2;
        }
    }
    return filter;
}

static inline __attribute__((always_inline)) void up_rows(
    const Filter *filter, const vec *const *rows, vec *even, vec *odd, vec *work, long width,
    long stride, int half) {
    int reach = filter->reach, before = half - 1 - reach;
    const vec *middle = rows[reach];
    long extent = width + 2 * reach;
    for (int d = 1; d <= reach; d++) {
        const vec *a = rows[reach + d] - reach, *b = rows[reach - d] - reach;
        vec *sum = work + 2 * (d - 1) * stride, *difference = sum + stride;
        for (long i = 0; i < extent; i++) {
            sum[i] = a[i] + b[i];
            difference[i] = a[i] - b[i];
        }
    }
    for (long b = 0; b < width; b += UP) {
        vec left[UP] = {0}, right[UP] = {0}, l[UP] = {0}, r[UP] = {0};
        for (int d = 0; d <= reach; d++) {
            const vec *row = d ? work + 2 * (d - 1) * stride + reach + b : middle + b;
            for (int f = 0; f < half; f++) {
                float tap = filter->sums[d][f];
                int e = f - before;
                for (int i = 0; i < UP; i++) left[i] += tap * row[i - e];
                for (int i = 0; i < UP; i++) right[i] += tap * row[i + e];
            }
        }
        for (int d = 1; d <= reach; d++) {
            const vec *row = work + (2 * d - 1) * stride + reach + b;
            for (int f = 0; f < half; f++) {
                float tap = filter->differences[d][f];
                int e = f - before;
                for (int i = 0; i < UP; i++) l[i] += tap * row[i - e];
                for (int i = 0; i < UP; i++) r[i] += tap * row[i + e];
            }
        }
        for (int i = 0; i < UP; i++) {
            even[2 * (b + i)] = left[i] - l[i];
            even[2 * (b + i) + 1] = right[i] - r[i];
            odd[2 * (b + i)] = left[i] + l[i];
            odd[2 * (b + i) + 1] = right[i] + r[i];
        }
    }
}

// A row of the way down, from rows that are folded first: the taps are symmetric.
static inline __attribute__((always_inline)) void down_row(
    const Filter *filter, const vec *const *rows, vec *y, vec *work, long width, long stride,
    int half) {
    int taps = 2 * half;
    for (int i = 0; i < half; i++) {
        const vec *a = rows[i], *b = rows[taps - 1 - i];
        vec *folded = work + i * stride;
        for (long j = 0; j < 2 * width + taps - 2; j++) folded[j] = a[j] + b[j];
    }
    for (long b = 0; b < width; b += DOWN) {
        vec sum[DOWN] = {0};
        for (int i = 0; i < half; i++)
            for (int j = 0; j < taps; j++) {
                float tap = filter->down[i][j];
                const vec *row = work + i * stride + 2 * b + j;
                for (int k = 0; k < DOWN; k++) sum[k] += tap * row[2 * k];
            }
        for (int k = 0; k < DOWN; k++) y[b + k] = sum[k];
    }
}

#define HALVES(CALL) \
    switch (half) {  \
        case 3: CALL(3); break; \
        case 6: CALL(6); break; \
        default: CALL(half); \
    }

// ---- the operator ----

typedef struct {
    long height, width;
    int padding, activation;
    float kappa;
} Operator;

typedef struct {
    vec *rows;       // a ring of coarse rows
    Filter filter;
    const Map *map;
} Stream;

static inline vec *ring(vec *rows, long i, long count, long stride) {
    return rows + (((i % count) + count) % count) * stride;
}

static void plane(
    const Operator *op, Stream *streams, int inputs, const Map *y, const Filter *down, long b,
    long c, int lanes, vec *memory) {
    int taps = down->taps, half = taps / 2, s = half - 1, reach = taps / 4;
    long halo = (s + 1) / 2, height = op->height, width = op->width;
    long coarse = width + 2 * reach + UP, fine = 2 * width + 2 * s + 2 * DOWN + 2 * UP;
    long slots = 2 * reach + 1 + halo, lines = taps + 2;  // coarse rows wait for the output's
    vec *work = memory, *v = work + half * fine + 2 * reach * coarse;
    vec *w = v + lines * fine, *out = w + 2 * fine, *first = out + width + DOWN;
    for (int n = 0; n < inputs; n++) streams[n].rows = first + n * slots * coarse;
    for (long next = -halo - reach; next <= height - 1 + halo + reach; next++) {
        for (int n = 0; n < inputs; n++) {
            const Map *map = streams[n].map;
            vec *row = ring(streams[n].rows, next, slots, coarse) + reach;
            if (op->padding == ZEROS && (next < 0 || next >= height))
                memset(row - reach, 0, (width + 2 * reach) * sizeof(vec));
            else {
                long from = op->padding == ZEROS ? next : source(next, height, op->padding);
                load(row, map, map->data + b * map->batch + c * map->channel + from * map->row,
                     width, lanes);
                pad(row, width, reach, op->padding);
            }
        }
        long a = next - reach;
        if (a < -halo) continue;
        vec *lines_of[2] = {ring(v, 2 * a, lines, fine), ring(v, 2 * a + 1, lines, fine)};
        if (op->padding == ZEROS && (a < 0 || a >= height))
            for (int p = 0; p < 2; p++) memset(lines_of[p], 0, fine * sizeof(vec));
        else {
            for (int n = 0; n < inputs; n++) {
                const vec *around[9];
                for (int d = -reach; d <= reach; d++)
                    around[reach + d] = ring(streams[n].rows, a + d, slots, coarse) + reach;
                vec *even = n ? w : lines_of[0] + s, *odd = n ? w + fine : lines_of[1] + s;
#define CALL(HALF) up_rows(&streams[n].filter, around, even, odd, work, width, coarse, HALF)
                HALVES(CALL)
#undef CALL
            }
            for (int p = 0; p < 2; p++) {
                vec *line = lines_of[p] + s;
                activate(line, inputs > 1 ? w + p * fine : NULL, 2 * width, op->activation,
                         op->kappa);
                pad(line, 2 * width, s, op->padding);
            }
        }
        long o = a - halo;
        if (o < 0 || o >= height) continue;
        const vec *needed[MOST_TAPS];
        for (int i = 0; i < taps; i++) needed[i] = ring(v, 2 * o - s + i, lines, fine);
#define CALL(HALF) down_row(down, needed, out, work, width, fine, HALF)
        HALVES(CALL)
#undef CALL
        const vec *straight = ring(streams[inputs - 1].rows, o, slots, coarse) + reach;
        store(y->data + b * y->batch + c * y->channel + o * y->row, y, out, straight, op->kappa,
              width, lanes);
    }
}

// y = D s(U x) + kappa (x - D U x); with a gradient g of y, y is the gradient of x.
// sizes: batch, channels, height, width, taps, padding, activation, threads.
// strides: of x, g and y, four each. up and down: taps; up with its gain.
int jinc_filtered_activation(
    const float *x, const float *g, float *y, const int64_t *sizes, const int64_t *strides,
    const float *up, const float *down, float kappa) {
    long batch = sizes[0], channels = sizes[1], taps = sizes[4], threads = sizes[7];
    Operator op = {sizes[2], sizes[3], sizes[5], sizes[6], kappa};
    Map maps[3];
    float *data[3] = {(float *)x, (float *)g, y};
    for (int i = 0; i < 3; i++)
        maps[i] = (Map){data[i], strides[4 * i], strides[4 * i + 1], strides[4 * i + 2],
                        strides[4 * i + 3]};
    int inputs = g ? 2 : 1;
    Filter out = {.taps = taps};
    const float *last = g ? up : down;
    for (int i = 0; i < taps / 2; i++)
        for (int j = 0; j < taps; j++) out.down[i][j] = last[i * taps + j];
    long blocks = (channels + LANES - 1) / LANES, reach = taps / 4, s = taps / 2 - 1;
    long coarse = op.width + 2 * reach + UP, fine = 2 * op.width + 2 * s + 2 * DOWN + 2 * UP;
    size_t size = (taps / 2 + taps + 4) * fine + op.width + DOWN + 2 * reach * coarse +
                  inputs * (2 * reach + 1 + (s + 1) / 2) * coarse;
    int failed = 0;
#pragma omp parallel num_threads(threads)
    {
        vec *memory = aligned_alloc(64, (size * sizeof(vec) + 63) / 64 * 64);
        if (memory) memset(memory, 0, size * sizeof(vec));
#pragma omp for schedule(dynamic, LINE)
        for (long task = 0; task < batch * blocks; task++) {
            if (!memory) {
                failed = 1;
                continue;
            }
            Stream streams[2] = {{.filter = upward(up, taps), .map = &maps[0]},
                                 {.filter = upward(down, taps), .map = &maps[1]}};
            long c = task % blocks * LANES;
            int lanes = channels - c < LANES ? channels - c : LANES;
            plane(&op, streams, inputs, &maps[2], &out, task / blocks, c, lanes, memory);
        }
        free(memory);
    }
    return failed;
}

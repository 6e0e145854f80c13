// The filtered activation on a CPU: up, nonlinearity and down in one pass over rows that stay in
// the cache. As many channels as fill a vector are computed side by side; only two rows of the fine
// map exist at a time. See docs/kernels.md; called by cpu.py.

#include <math.h>
#include <stdlib.h>

#include "vectors.h"

#define MOST_TAPS 16
#define LINE (16 / LANES)  // vectors of a cache line, which threads should not share

enum { ZEROS, REFLECT, CIRCULAR };

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
    long b = 0;
    if (map->channel == 1 && lanes == LANES)
        for (; b < width; b++) to[b] = *(const vec *)(from + b * map->column);
    else if (map->column == 1 && lanes == LANES)
        for (; b + LANES <= width; b += LANES) {
            vec square[LANES];
            for (int c = 0; c < LANES; c++) square[c] = *(const vec *)(from + c * map->channel + b);
            transpose(square);
            memcpy(to + b, square, sizeof square);
        }
    for (; b < width; b++)
        for (int c = 0; c < lanes; c++) to[b][c] = from[c * map->channel + b * map->column];
}

// y := filtered + kappa * x
static inline void store(
    float *to, const Map *map, vec *row, const vec *x, float kappa, long width, int lanes) {
    for (long b = 0; b < width; b++) row[b] += kappa * x[b];
    long b = 0;
    if (map->channel == 1 && lanes == LANES)
        for (; b < width; b++) *(vec *)(to + b * map->column) = row[b];
    else if (map->column == 1 && lanes == LANES)
        for (; b + LANES <= width; b += LANES) {
            transpose(row + b);
            for (int c = 0; c < LANES; c++) *(vec *)(to + c * map->channel + b) = row[b + c];
        }
    for (; b < width; b++)
        for (int c = 0; c < lanes; c++) to[c * map->channel + b * map->column] = row[b][c];
}

static void pad(vec *row, long width, long halo, int padding) {
    for (long i = 1; i <= halo; i++) {
        vec none = {0};
        row[-i] = padding == ZEROS ? none : row[source(-i, width, padding)];
        row[width - 1 + i] = padding == ZEROS ? none : row[source(width - 1 + i, width, padding)];
    }
}

// ---- filters ----

#define UP 4  // columns of one block
#define DOWN 2

typedef struct {
    int taps, reach;                      // reach: of the way up, coarse pixels
    float sums[5][8], differences[5][8];  // of the way up, by row and column of the coarse map
    float down[MOST_TAPS][MOST_TAPS / 2];
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

// The way down of one fine row, to all rows that it reaches: `to[n]` takes the taps of row
// `first + 2 n`. The taps are symmetric, so columns are folded first.
static inline __attribute__((always_inline)) void down_row(
    const Filter *filter, const vec *line, vec *const *to, int first, int count, long width,
    int half) {
    for (long b = 0; b < width; b += DOWN) {
        vec folded[DOWN][MOST_TAPS / 2];
        for (int k = 0; k < DOWN; k++)
            for (int j = 0; j < half; j++) {
                const vec *at = line + 2 * (b + k);
                folded[k][j] = at[j] + at[2 * half - 1 - j];
            }
        for (int n = 0; n < count; n++) {
            vec *y = to[n] + b, sum[DOWN];
            const float *taps = filter->down[first + 2 * n];
            for (int k = 0; k < DOWN; k++) sum[k] = y[k];
            for (int j = 0; j < half; j++)
                for (int k = 0; k < DOWN; k++) sum[k] += taps[j] * folded[k][j];
            for (int k = 0; k < DOWN; k++) y[k] = sum[k];
        }
    }
}

#define HALVES(CALL) \
    switch (half) {  \
        case 3: CALL(3); break; \
        case 6: CALL(6); break; \
        default: CALL(half); \
    }

static inline vec *ring(vec *rows, long i, long count, long stride) {
    return rows + (((i % count) + count) % count) * stride;
}

// Add a fine row to the unfinished rows of the result that it reaches.
static void spread(
    const Filter *filter, const vec *line, vec *unfinished, long row, long height, long width) {
    int taps = filter->taps, half = taps / 2, first = 0, count = 0;
    long last = row + half - 1;
    vec *to[MOST_TAPS / 2];
    for (long o = last >> 1; last - 2 * o < taps; o--)
        if (o >= 0 && o < height) {
            if (!count) first = last - 2 * o;
            to[count++] = ring(unfinished, o, half + 1, width + DOWN);
        }
#define CALL(HALF) down_row(filter, line, to, first, count, width, HALF)
    HALVES(CALL)
#undef CALL
}

static int symmetric(const float *taps, int count) {
    float most = 0, worst = 0;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            float tap = taps[i * count + j];
            float down = fabsf(tap - taps[(count - 1 - i) * count + j]);
            float right = fabsf(tap - taps[i * count + count - 1 - j]);
            most = fmaxf(most, fabsf(tap));
            worst = fmaxf(worst, fmaxf(down, right));
        }
    return worst <= 1e-5f * most;
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

static void plane(
    const Operator *op, Stream *streams, int inputs, const Map *y, const Filter *down, long b,
    long c, int lanes, vec *memory) {
    int taps = down->taps, half = taps / 2, s = half - 1, reach = taps / 4;
    long halo = (s + 1) / 2, height = op->height, width = op->width;
    long coarse = width + 2 * reach + UP, fine = 2 * width + 2 * s + 2 * DOWN + 2 * UP;
    long slots = 2 * reach + 1 + halo;  // coarse rows wait for the output's
    vec *work = memory, *v = work + 2 * reach * coarse, *w = v + 2 * fine, *out = w + 2 * fine;
    vec *first = out + (half + 1) * (width + DOWN);
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
        memset(ring(out, a + halo, half + 1, width + DOWN), 0, width * sizeof(vec));
        if (op->padding != ZEROS || (a >= 0 && a < height)) {
            for (int n = 0; n < inputs; n++) {
                const vec *around[9];
                for (int d = -reach; d <= reach; d++)
                    around[reach + d] = ring(streams[n].rows, a + d, slots, coarse) + reach;
                vec *even = (n ? w : v) + s, *odd = even + fine;
#define CALL(HALF) up_rows(&streams[n].filter, around, even, odd, work, width, coarse, HALF)
                HALVES(CALL)
#undef CALL
            }
            for (int p = 0; p < 2; p++) {
                vec *line = v + p * fine + s;
                activate(line, inputs > 1 ? w + p * fine + s : NULL, 2 * width, op->activation,
                         op->kappa);
                pad(line, 2 * width, s, op->padding);
                spread(down, line - s, out, 2 * a + p, height, width);
            }
        }
        long o = a - halo;
        if (o < 0 || o >= height) continue;
        const vec *straight = ring(streams[inputs - 1].rows, o, slots, coarse) + reach;
        store(y->data + b * y->batch + c * y->channel + o * y->row, y,
              ring(out, o, half + 1, width + DOWN), straight, op->kappa, width, lanes);
    }
}

// y = D s(U x) + kappa (x - D U x); with a gradient g of y, y is the gradient of x.
// sizes: batch, channels, height, width, taps, padding, activation, threads.
// strides: of x, g and y, four each. up and down: taps; up with its gain.
// Returns 1 without memory, 2 for taps that are not symmetric.
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
    for (int i = 0; i < taps; i++)
        for (int j = 0; j < taps / 2; j++) out.down[i][j] = last[i * taps + j];
    if (!symmetric(up, taps) || !symmetric(down, taps)) return 2;
    long blocks = (channels + LANES - 1) / LANES, reach = taps / 4, s = taps / 2 - 1;
    long coarse = op.width + 2 * reach + UP, fine = 2 * op.width + 2 * s + 2 * DOWN + 2 * UP;
    size_t size = 4 * fine + (taps / 2 + 1) * (op.width + DOWN) + 2 * reach * coarse +
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

// Vectors of as many float32 as a register holds, in GNU C, which GCC and Clang compile: their
// transposition and the nonlinearities.

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4)));

// ---- transposition ----

#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif

#ifdef __clang__
#define SHUFFLE(A, B, ...) __builtin_shufflevector(A, B, __VA_ARGS__)
#else
#define SHUFFLE(A, B, ...) __builtin_shuffle(A, B, (ints){__VA_ARGS__})
#endif

// A square of vectors is transposed by perfect shuffles of its upper and lower half.
static inline __attribute__((always_inline)) void transpose(vec *square) {
    for (int stage = 1; stage < LANES; stage *= 2) {
        vec next[LANES];
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = SHUFFLE(square[i], square[i + LANES / 2], LOW);
            next[2 * i + 1] = SHUFFLE(square[i], square[i + LANES / 2], HIGH);
        }
        memcpy(square, next, sizeof next);
    }
}

// ---- nonlinearities ----

enum { RELU, GELU, GELU_TANH, SILU, IDENTITY };

static inline vec choose(ints yes, vec a, vec b) {
    return (vec)((yes & (ints)a) | (~yes & (ints)b));
}

static inline vec clamp(vec x, float most) {
    vec high = (vec){0} + most;
    x = choose(x < high, x, high);
    return choose(x > -high, x, -high);
}

// Factors beyond which a nonlinearity is 0 or linear; unlike clamp, these leave NaN.
static inline vec above(vec x, float least) { return choose(x < least, (vec){0} + least, x); }

static inline vec within(vec x, float most) {
    x = above(x, -most);
    return choose(x > most, (vec){0} + most, x);
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
    vec even = (vec){0} + ERF[14], odd = (vec){0} + ERF[13], square = t * t;
    for (int i = 12; i > 0; i -= 2) {
        even = even * square + ERF[i];
        odd = odd * square + ERF[i - 1];
    }
    vec p = (even * square + ERF[0]) + t * odd;
    return clamp(z * p, 1.0f);
}

static inline vec logistic(vec u) { return 1.0f / (1.0f + exponential(-u)); }

static inline vec inner_tanh(vec u) { return 1.59576912f * (u + 0.044715f * u * u * u); }

static inline __attribute__((always_inline)) vec value(int kind, vec u) {
    vec none = {0};
    switch (kind) {
        case RELU: return choose(u < none, none, u);
        case GELU: return 0.5f * above(u, -30) * (1.0f + error_function(0.70710678f * u));
        case GELU_TANH: return above(u, -30) * logistic(inner_tanh(u));
        case SILU: return above(u, -88) * logistic(u);
        default: return u;
    }
}

static inline __attribute__((always_inline)) vec slope(int kind, vec u) {
    vec none = {0}, one = none + 1.0f;
    switch (kind) {
        case RELU: return choose(u > none, one, none);
        case GELU:
            u = within(u, 30);
            return 0.5f + 0.5f * error_function(0.70710678f * u) +
                   0.39894228f * u * exponential(-0.5f * u * u);
        case GELU_TANH: {
            u = within(u, 30);
            vec s = logistic(inner_tanh(u));
            return s + u * s * (1.0f - s) * 1.59576912f * (1.0f + 0.134145f * u * u);
        }
        case SILU: {
            u = within(u, 88);
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
        CASE(IDENTITY)
    }
}


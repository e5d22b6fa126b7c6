// Peers of benchmarks/exclusion.py: open TASEP, all rates 1, from an empty lattice.
//   exclusion_peers max-plus|sequential|words SITES TIME REPLICAS SEED
// prints seconds, and particles let in per time and replica.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
using u32 = uint32_t;
using u64 = uint64_t;
static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
template <int ROUNDS> static inline void threefry(u32 k0, u32 k1, u32 &x, u32 &y) {
    const u32 k[3] = {k0, k1, k0 ^ k1 ^ 0x1BD11BDAu};
    const int r[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    x += k0;
    y += k1;
#pragma GCC unroll 20
    for (int n = 0; n < ROUNDS; n++) {
        x += y;
        y = (y << r[n % 8]) | (y >> (32 - r[n % 8]));
        y ^= x;
        if (n % 4 == 3) {
            x += k[(n / 4 + 1) % 3];
            y += k[(n / 4 + 2) % 3] + n / 4 + 1;
        }
    }
}
static inline float exponential(u32 word) {  // as kernels/elementary has the logarithm
    float u = ((float)word + 1) * 0x1p-32f;
    int32_t above, bits;
    memcpy(&above, &u, 4);
    above -= 0x3F3504F3;
    bits = (above & 0x7FFFFF) + 0x3F3504F3;
    float m;
    memcpy(&m, &bits, 4);
    const float f = m - 1;
    float p = 0.0870043057057044f;
    const float c[7] = {-0.142674862164264f, 0.149147692222862f,  -0.165775847680211f, 0.199630636976544f,
                        -0.250013370361227f, 0.333339107394747f, -0.5f};
    for (float each : c) p = p * f + each;
    return -((float)(above >> 23) * 0.69314718f + (f + f * f * p));
}
constexpr int LANES = 64;
static double max_plus(int sites, double time, int replicas, u32 seed) {
    const int gates = sites + 1, rows = gates / 2 + 1, cycles = (int)std::ceil(time / 4);
    double total = 0;
    std::vector<float> even(rows * LANES), odd(rows * LANES);
    for (int block = 0; block < replicas / LANES; block++) {
        std::fill(even.begin(), even.end(), -INFINITY);
        std::fill(odd.begin(), odd.end(), -INFINITY);
        for (int n = 0; n < cycles; n++) {  // gates 0, 2, ... then 1, 3, ...
            float *__restrict e = even.data(), *__restrict o = odd.data();
            float draw[2][LANES];
            static thread_local std::vector<float> second;
            second.resize(rows * LANES);
            for (int row = 0; row < rows; row++) {
                for (int lane = 0; lane < LANES; lane++) {
                    u32 x = (u32)((block * LANES + lane) * rows + row), y = (u32)n;
                    threefry<20>(seed, 77u, x, y);
                    draw[0][lane] = exponential(x);
                    second[row * LANES + lane] = exponential(y);
                }
                if (2 * row >= gates) continue;
                for (int lane = 0; lane < LANES; lane++) {
                    float behind = row ? o[(row - 1) * LANES + lane] : (n ? -INFINITY : 0.0f);
                    e[row * LANES + lane] = std::fmax(behind, o[row * LANES + lane]) + draw[0][lane];
                }
            }
            for (int row = 0; 2 * row + 1 < gates; row++)
                for (int lane = 0; lane < LANES; lane++) {
                    float ahead = row + 1 < rows ? e[(row + 1) * LANES + lane] : -INFINITY;
                    o[row * LANES + lane] = std::fmax(e[row * LANES + lane], ahead) + second[row * LANES + lane];
                }
        }
        for (int lane = 0; lane < LANES; lane++) total += even[lane];
    }
    return cycles / (total / replicas);
}
static double sequential(int sites, double time, int replicas, u32 seed) {
    u64 s = 0x9E3779B97F4A7C15ull * (seed + 1), entered = 0;
    std::vector<uint8_t> site(sites + 2);
    for (int replica = 0; replica < replicas; replica++) {
        std::fill(site.begin(), site.end(), 0);
        const u64 tries = (u64)(time * (sites + 1));
        for (u64 n = 0; n < tries; n++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            const u32 gate = (u32)(((s >> 32) * (u64)(sites + 1)) >> 32);
            site[0] = 1, site[sites + 1] = 0;
            const uint8_t moves = site[gate] & (site[gate + 1] ^ 1);
            site[gate] ^= moves, site[gate + 1] ^= moves;
            entered += moves & (gate == 0);
        }
    }
    return entered / (time * replicas);
}
struct alignas(64) Word { u32 w[16]; };  // 512 replicas
static double words(int sites, double time, int replicas, u32 seed) {
    const double dt = std::log(2.0);
    const int steps = (int)std::ceil(time / dt), gates = sites + 1;
    u64 entered = 0;
    std::vector<Word> site(sites + 3);
    for (int block = 0; block < replicas / 512; block++) {
        memset(site.data(), 0, site.size() * sizeof(Word));
        for (int n = 0; n < steps; n++)
            for (int half = 0; half < 2; half++) {
                memset(&site[0], 255, 64), memset(&site[gates], 0, 64);
                for (int gate = half; gate < gates; gate += 4) {  // both words of a draw
                    Word first, second;
                    for (int lane = 0; lane < 16; lane++) {
                        u32 x = (u32)(block * 16 + lane) * gates + gate, y = (u32)n;
                        threefry<13>(seed, 77u, x, y);
                        first.w[lane] = x, second.w[lane] = y;
                    }
                    for (int lane = 0; lane < 16; lane++) {
                        u32 m = site[gate].w[lane] & ~site[gate + 1].w[lane] & first.w[lane];
                        site[gate].w[lane] ^= m, site[gate + 1].w[lane] ^= m;
                        if (gate == 0) entered += __builtin_popcount(m);
                    }
                    if (gate + 2 < gates)
                        for (int lane = 0; lane < 16; lane++) {
                            u32 m = site[gate + 2].w[lane] & ~site[gate + 3].w[lane] & second.w[lane];
                            site[gate + 2].w[lane] ^= m, site[gate + 3].w[lane] ^= m;
                        }
                }
            }
    }
    return entered / (steps * dt * replicas);
}
int main(int, char **a) {
    const std::string kind = a[1];
    const int sites = atoi(a[2]), replicas = atoi(a[4]);
    const double time = atof(a[3]), began = now();
    auto run = kind == "max-plus" ? max_plus : kind == "words" ? words : sequential;
    const double current = run(sites, time, replicas, (u32)atoi(a[5]));
    printf("%.9g %.9g\n", now() - began, current);
}

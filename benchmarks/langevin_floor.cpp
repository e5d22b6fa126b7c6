// What one core can do: the work of benchmarks/langevin.py in AVX-512, every particle in registers
// for all its steps. The same generator (Threefry2x32-20 on particle and step, Box and Muller with
// the full 32-bit radius, both outputs used), polynomials for logarithm, sine and cosine.
//
//     g++ -O3 -march=native -ffast-math -o langevin_floor langevin_floor.cpp
//     ./langevin_floor overdamped|baoab PARTICLES STEPS SEED
//
// prints the seconds, and the means of x and x^2 at the end.

#include <immintrin.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#ifndef UNROLL
#define UNROLL 2  // vectors of 16 particles that advance together, to fill the pipelines
#endif

typedef float F __attribute__((vector_size(64)));
typedef uint32_t U __attribute__((vector_size(64)));

static inline F splat(float value) { return value - F{}; }
static inline F float_of(U value) { return (F)_mm512_cvtepu32_ps((__m512i)value); }
static inline F float_of_signed(U value) { return (F)_mm512_cvtepi32_ps((__m512i)value); }
static inline F root(F x) { return (F)_mm512_sqrt_ps((__m512)x); }

template <int rotation>
static inline void mix(U &x, U &y) {
  x += y;
  y = (U)_mm512_rol_epi32((__m512i)y, rotation) ^ x;
}

static inline void threefry(U &x, U &y, uint32_t k0, uint32_t k1) {
  const uint32_t k2 = k0 ^ k1 ^ 0x1BD11BDA;
  x += k0, y += k1;
  mix<13>(x, y), mix<15>(x, y), mix<26>(x, y), mix<6>(x, y), x += k1, y += k2 + 1;
  mix<17>(x, y), mix<29>(x, y), mix<16>(x, y), mix<24>(x, y), x += k2, y += k0 + 2;
  mix<13>(x, y), mix<15>(x, y), mix<26>(x, y), mix<6>(x, y), x += k0, y += k1 + 3;
  mix<17>(x, y), mix<29>(x, y), mix<16>(x, y), mix<24>(x, y), x += k1, y += k2 + 4;
  mix<13>(x, y), mix<15>(x, y), mix<26>(x, y), mix<6>(x, y), x += k2, y += k0 + 5;
}

// the square root of -2 log((word + 1) / 2^32)
static inline F radius(U word) {
  const F x = float_of(word) + 1.0f;
  const U shifted = (U)x - 0x3f3504f3u;  // mantissa from sqrt(1/2) to sqrt(2)
  const U exponent = (U)_mm512_srai_epi32((__m512i)shifted, 23);
  const F f = (F)((U)x - (exponent << 23)) - 1.0f;
  F p = splat(0.0870043057f);
  p = p * f - 0.142674862f;
  p = p * f + 0.149147692f;
  p = p * f - 0.165775848f;
  p = p * f + 0.199630637f;
  p = p * f - 0.250013370f;
  p = p * f + 0.333339107f;
  p = p * f - 0.5f;
  const F log = float_of_signed(exponent - 32) * 0.693147181f + (f + f * f * p);
  return root(log * -2.0f);
}

static inline void normal_pair(U id, uint32_t step, uint32_t k0, uint32_t k1, F &a, F &b) {
  U y = step - U{};
  threefry(id, y, k0, k1);
  const U doubled = y << 1;
  const F t = float_of_signed(doubled) * 2.3283064365e-10f, s = t * t;
  const F r = (F)((U)radius(id) ^ ((y ^ doubled) & 0x80000000u));
  F c = splat(0.219697191f);
  c = c * s - 1.33188038f;
  c = c * s + 4.05841196f;
  c = c * s - 4.93479286f;
  c = c * s + 1.0f;
  F d = splat(0.0775600470f);
  d = d * s - 0.598241988f;
  d = d * s + 2.55006971f;
  d = d * s - 5.16770968f;
  d = d * s + 3.14159264f;
  a = r * c;
  b = r * (t * d);
}

static inline F sine(F x) {
  const F k = (F)_mm512_roundscale_ps((__m512)(x * 0.318309886f), 8);
  F r = (F)_mm512_fnmadd_ps((__m512)k, _mm512_set1_ps(3.140625f), (__m512)x);
  r = (F)_mm512_fnmadd_ps((__m512)k, _mm512_set1_ps(9.67502594e-4f), (__m512)r);
  r = (F)_mm512_fnmadd_ps((__m512)k, _mm512_set1_ps(1.50995799e-7f), (__m512)r);
  const F s = r * r;
  F p = splat(2.60546656e-6f);
  p = p * s - 1.98094685e-4f;
  p = p * s + 0.00833306453f;
  p = p * s - 0.166666595f;
  const U flip = (U)_mm512_slli_epi32(_mm512_cvtps_epi32((__m512)k), 31);
  return (F)((U)(r + r * s * p) ^ flip);
}

// Euler and Maruyama in U = -cos x - 0.7 x at T = 0.3
struct Overdamped {
  F x[UNROLL] = {};
  void step(int i, F noise) {
    x[i] += 0.01f * (0.7f - sine(x[i])) + 0.0774596669f * noise;  // sqrt(2 T dt)
  }
};

// BAOAB in U = x^2 / 2 at T = 1, friction 1 and mass 1, dt = 0.2
struct Baoab {
  F x[UNROLL] = {}, v[UNROLL] = {};
  void step(int i, F noise) {
    v[i] -= 0.1f * x[i];
    x[i] += 0.1f * v[i];
    v[i] = 0.818730753f * v[i] + 0.574191888f * noise;  // exp(-dt), sqrt(1 - exp(-2 dt))
    x[i] += 0.1f * v[i];
    v[i] -= 0.1f * x[i];
  }
};

template <class Model>
static void run(std::vector<float> &x, uint32_t steps, uint32_t k0, uint32_t k1) {
  U lane;
  for (int i = 0; i < 16; ++i) lane[i] = i;
  for (uint32_t first = 0; first < x.size(); first += 16 * UNROLL) {
    Model model;
    for (uint32_t step = 0; step < steps / 2; ++step) {
#pragma GCC unroll 8
      for (int i = 0; i < UNROLL; ++i) {
        F a, b;
        normal_pair(lane + (first + 16 * i), step, k0, k1, a, b);
        model.step(i, a);
        model.step(i, b);
      }
    }
    std::memcpy(&x[first], model.x, sizeof model.x);
  }
}

int main(int, char **argument) {
  const uint32_t steps = atoi(argument[3]), block = 16 * UNROLL;
  std::vector<float> x((atoi(argument[2]) + block - 1) / block * block);
  const auto model = std::strcmp(argument[1], "baoab") ? run<Overdamped> : run<Baoab>;
  const auto began = std::chrono::steady_clock::now();
  model(x, steps, 123, atoi(argument[4]));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  double sum = 0, squares = 0;
  for (const float value : x) sum += value, squares += double(value) * value;
  std::printf("%.6f %.6f %.6f\n", took.count(), sum / x.size(), squares / x.size());
}

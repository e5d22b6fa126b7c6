// What one core can do: the sweep of benchmarks/phonon_pore.py, rays in vectors. Cells are bilinear
// and lumped, in float32, or constant, in float64 (step); the four moments are summed. Prints the
// seconds of one sweep of four quadrants.
//
//     g++ -O3 -march=native -ffast-math -o sweep_floor sweep_floor.cpp
//     ./sweep_floor CELLS RAYS linear|step

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

typedef float V __attribute__((vector_size(64)));
typedef double D __attribute__((vector_size(64)));

static float sum(V v) {
  float out = 0;
  for (int i = 0; i < 16; ++i) out += v[i];
  return out;
}

static int step(int cells, int blocks) {
  std::vector<double> source(cells * cells * 2);
  std::vector<D> reach(2 * blocks), weight(4 * blocks), moments(cells * cells * 4);
  for (auto &s : source) s = rand() / double(RAND_MAX) - 0.5;
  for (auto &w : weight) w = D{} + 1.0;
  for (auto &r : reach)
    for (int i = 0; i < 8; ++i) r[i] = 0.1 + 0.9 * (rand() / double(RAND_MAX));
  double best = 1e9, check = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto began = std::chrono::steady_clock::now();
    for (int quadrant = 0; quadrant < 4; ++quadrant) {
      for (auto &m : moments) m = D{};
      std::vector<D> left(cells);
      for (int b = 0; b < blocks; ++b) {
        const D x = reach[2 * b] * double(cells), y = reach[2 * b + 1] * double(cells);
        const D scale = 1.0 / (1.0 + x + y), a = x * scale, c = y * scale;
        const D *w = &weight[4 * b];
        for (auto &v : left) v = D{};
        for (int i = 0; i < cells; ++i) {
          D below{};
          for (int j = 0; j < cells; ++j) {
            const double *s = &source[2 * (i * cells + j)];
            below = a * (s[0] + left[j]) + c * (s[1] + below);
            left[j] = below;
            D *m = &moments[4 * (i * cells + j)];
            for (int k = 0; k < 4; ++k) m[k] += w[k] * below;
          }
        }
      }
      for (auto &m : moments)
        for (int i = 0; i < 8; ++i) check += m[i];
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (took.count() < best) best = took.count();
  }
  printf("%.6f %g\n", best, check);
  return 0;
}

int main(int, char **arguments) {
  const int cells = atoi(arguments[1]);
  if (!strcmp(arguments[3], "step")) return step(cells, atoi(arguments[2]) / 8);
  const int blocks = atoi(arguments[2]) / 16;
  std::vector<float> source(cells * cells * 8);
  std::vector<V> reach(2 * blocks), weight(4 * blocks), moments(cells * cells * 16);
  for (auto &s : source) s = rand() / float(RAND_MAX) - 0.5f;
  for (auto &w : weight) w = V{} + 1.0f;
  for (auto &r : reach)
    for (int i = 0; i < 16; ++i) r[i] = 0.1f + 0.9f * (rand() / float(RAND_MAX));
  double best = 1e9, check = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto began = std::chrono::steady_clock::now();
    for (int quadrant = 0; quadrant < 4; ++quadrant) {
      for (auto &m : moments) m = V{};
      std::vector<V> left(2 * cells);
      for (int b = 0; b < blocks; ++b) {
        const V x = reach[2 * b] * float(cells), y = reach[2 * b + 1] * float(cells);
        // 1 / (a + x J + y K), with J J = K K = -1
        const V a = 1.0f + x + y, p = a * a - x * x + y * y, q = 2.0f * a * x;
        const V scale = 1.0f / (p * p + q * q), r = p * scale, t = q * scale;
        const V c0 = a * r + x * t, c1 = x * r - a * t, c2 = -y * r, c3 = y * t;
        for (auto &v : left) v = V{};
        for (int i = 0; i < cells; ++i) {
          V below0{}, below1{};
          for (int j = 0; j < cells; ++j) {
            const float *s = &source[8 * (i * cells + j)];
            const V r0 = x * s[0] + y * s[4] + 2.0f * (x * left[2 * j] + y * below0);
            const V r1 = x * s[1] + y * s[5] + 2.0f * y * below1;
            const V r2 = x * s[2] + y * s[6] + 2.0f * x * left[2 * j + 1];
            const V r3 = x * s[3] + y * s[7];
            const V d[4] = {
                c0 * r0 + c1 * r1 + c2 * r2 + c3 * r3, c0 * r1 - c1 * r0 + c2 * r3 - c3 * r2,
                c0 * r2 + c1 * r3 - c2 * r0 - c3 * r1, c0 * r3 - c1 * r2 - c2 * r1 + c3 * r0};
            left[2 * j] = d[1], left[2 * j + 1] = d[3], below0 = d[2], below1 = d[3];
            V *m = &moments[16 * (i * cells + j)];
            for (int n = 0; n < 4; ++n)
              for (int k = 0; k < 4; ++k) m[4 * n + k] += weight[4 * b + k] * d[n];
          }
        }
      }
      for (auto &m : moments) check += sum(m);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (took.count() < best) best = took.count();
  }
  printf("%.6f %g\n", best, check);
}

#include "vector_math.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>

// Several versions of a function, one of which the dynamic linker chooses: with GCC and glibc on
// x86-64, but not under the sanitizers, which are not ready when the linker asks.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ALPHAPRUNE_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ALPHAPRUNE_VECTOR_CLONES
#endif

namespace alphaprune::transformer {

ALPHAPRUNE_VECTOR_CLONES
float exponentials(std::span<float> values, float shift) {
    float* const x = values.data();
    const std::size_t n = values.size();
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = exponential(x[i] - shift);
        total += x[i];
    }
    return total;
}

ALPHAPRUNE_VECTOR_CLONES
float sum_of_exponentials(std::span<const float> values, float shift) {
    const float* const x = values.data();
    const std::size_t n = values.size();
    float total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) {
        total += exponential(x[i] - shift);
    }
    return total;
}

ALPHAPRUNE_VECTOR_CLONES
float largest(std::span<const float> values) {
    const float* const x = values.data();
    const std::size_t n = values.size();
    float most = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : most)
    for (std::size_t i = 0; i < n; ++i) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

ALPHAPRUNE_VECTOR_CLONES
double sum(std::span<const float> values) {
    const float* const x = values.data();
    const std::size_t n = values.size();
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) {
        total += static_cast<double>(x[i]);
    }
    return total;
}

ALPHAPRUNE_VECTOR_CLONES
double sum_of_squares(std::span<const float> values, float shift) {
    const float* const x = values.data();
    const std::size_t n = values.size();
    double total = 0;
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) {
        const auto distance = static_cast<double>(x[i] - shift);
        total += distance * distance;
    }
    return total;
}

ALPHAPRUNE_VECTOR_CLONES
void scale(std::span<float> values, float factor) {
    float* const x = values.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] *= factor;
    }
}

ALPHAPRUNE_VECTOR_CLONES
void add(std::span<float> values, std::span<const float> others) {
    assert(values.size() == others.size());
    float* const x = values.data();
    const float* const y = others.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] += y[i];
    }
}

ALPHAPRUNE_VECTOR_CLONES
void multiply(std::span<float> values, std::span<const float> others) {
    assert(values.size() == others.size());
    float* const x = values.data();
    const float* const y = others.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] *= y[i];
    }
}

ALPHAPRUNE_VECTOR_CLONES
void scale_and_shift(std::span<const float> values, float shift, float factor,
                     std::span<const float> weights, std::span<const float> biases,
                     std::span<float> out) {
    assert(out.size() == values.size());
    const float* const x = values.data();
    float* const y = out.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        y[i] = (x[i] - shift) * factor;
    }
    if (!weights.empty()) {
        const float* const w = weights.data();
        for (std::size_t i = 0; i < n; ++i) {
            y[i] *= w[i];
        }
    }
    if (!biases.empty()) {
        const float* const b = biases.data();
        for (std::size_t i = 0; i < n; ++i) {
            y[i] += b[i];
        }
    }
}

ALPHAPRUNE_VECTOR_CLONES
void rotate(std::span<float> a, std::span<float> b, std::span<const float> cos,
            std::span<const float> sin) {
    assert(a.size() == b.size() && a.size() == cos.size() && a.size() == sin.size());
    float* const first = a.data();
    float* const second = b.data();
    const float* const c = cos.data();
    const float* const s = sin.data();
    const std::size_t n = a.size();
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) {
        const float x = first[i];
        const float y = second[i];
        first[i] = x * c[i] - y * s[i];
        second[i] = y * c[i] + x * s[i];
    }
}

ALPHAPRUNE_VECTOR_CLONES
void soft_cap(std::span<float> values, float cap) {
    float* const x = values.data();
    const std::size_t n = values.size();
    const float twice = 2.0F / cap;
    for (std::size_t i = 0; i < n; ++i) {
        // tanh u = 1 − 2/(1 + e^(2u))
        x[i] = cap * (1.0F - 2.0F / (1.0F + exponential(twice * x[i])));
    }
}

ALPHAPRUNE_VECTOR_CLONES
void clamped_gate(const model::ClampedGate& clamped, std::span<float> gate,
                  std::span<const float> up) {
    assert(gate.size() == up.size());
    const auto limit = static_cast<float>(clamped.limit);
    const auto steepness = static_cast<float>(clamped.steepness);
    float* const x = gate.data();
    const float* const y = up.data();
    const std::size_t n = gate.size();
    for (std::size_t i = 0; i < n; ++i) {  // NaN stays
        const float g = x[i] > limit ? limit : x[i];
        float u = y[i] > limit ? limit : y[i];
        u = u < -limit ? -limit : u;
        x[i] = (u + 1.0F) * (g / (1.0F + exponential(-steepness * g)));
    }
}

ALPHAPRUNE_VECTOR_CLONES
void silu(std::span<float> values) {
    float* const x = values.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = x[i] / (1.0F + exponential(-x[i]));
    }
}

ALPHAPRUNE_VECTOR_CLONES
void relu(std::span<float> values) {
    float* const x = values.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = x[i] < 0.0F ? 0.0F : x[i];  // NaN stays
    }
}

void gelu(std::span<float> values) {
    for (float& x : values) {
        x = 0.5F * x * (1.0F + std::erf(x * 0.70710678118654752F));
    }
}

ALPHAPRUNE_VECTOR_CLONES
void gelu_tanh(std::span<float> values) {
    float* const x = values.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        // ½(1 + tanh u) = 1/(1 + e^(−2u)), u = √(2/π)·(x + 0.044715·x³)
        const float twice = 1.59576912160573071F * (x[i] + 0.044715F * x[i] * x[i] * x[i]);
        x[i] = x[i] / (1.0F + exponential(-twice));
    }
}

ALPHAPRUNE_VECTOR_CLONES
void quick_gelu(std::span<float> values) {
    float* const x = values.data();
    const std::size_t n = values.size();
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = x[i] / (1.0F + exponential(-1.702F * x[i]));
    }
}

namespace {

struct Entry {
    std::string_view name;
    Activation function;
};
constexpr std::array kEntries{
    Entry{"silu", silu},
    Entry{"swish", silu},
    Entry{"relu", relu},
    Entry{"gelu", gelu},
    Entry{"gelu_new", gelu_tanh},
    Entry{"gelu_pytorch_tanh", gelu_tanh},
    Entry{"gelu_fast", gelu_tanh},
    Entry{"gelu_accurate", gelu_tanh},
    Entry{"gelu_python_tanh", gelu_tanh},
    Entry{"gelu_python", gelu},
    Entry{"quick_gelu", quick_gelu},
};

}  // namespace

Activation activation_named(std::string_view name) {
    const auto* found = std::ranges::find(kEntries, name, &Entry::name);
    return found == kEntries.end() ? nullptr : found->function;
}

std::string activation_names() {
    std::string names;
    for (const Entry& entry : kEntries) {
        names += (names.empty() ? "" : ", ") + std::string(entry.name);
    }
    return names;
}

}  // namespace alphaprune::transformer

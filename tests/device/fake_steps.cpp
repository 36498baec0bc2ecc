#include "fake_steps.hpp"

#include <cmath>

#include "alphaprune/device/card_error.hpp"

using alphaprune::device::CardError;
using alphaprune::device::CardFault;
using namespace alphaprune::transformer::card;

double activated(Activation activation, double x) {
    switch (activation) {
        case Activation::silu:
            return x / (1 + std::exp(-x));
        case Activation::relu:
            return x < 0 ? 0 : x;  // NaN stays
        case Activation::gelu:
            return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5)));
        case Activation::gelu_tanh:  // ½(1 + tanh u) = 1/(1 + e^(−2u))
            return x / (1 + std::exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
        case Activation::quick_gelu:
            return x / (1 + std::exp(-1.702 * x));
        default:
            throw CardError(CardFault::refused, "gate: an unknown activation");
    }
}

double clamped_gate(const Gate& work, double gate, double up) {
    const double limit = work.limit;
    const double g = gate > limit ? limit : gate;
    const double u = up > limit ? limit : up < -limit ? -limit : up;
    return (u + 1) * (g / (1 + std::exp(-static_cast<double>(work.steepness) * g)));
}

void norm_row(const Norm& work, const float* values, float* out) {
    const auto width = static_cast<double>(work.width);
    double mean = 0;
    double squares = 0;
    for (std::int64_t i = 0; work.centered && i < work.width; ++i) {
        mean += static_cast<double>(values[i]) / width;
    }
    for (std::int64_t i = 0; i < work.width; ++i) {
        const double difference = static_cast<double>(values[i]) - mean;
        squares += difference * difference;
    }
    const double factor = 1 / std::sqrt(squares / width + work.epsilon);
    for (std::int64_t i = 0; i < work.width; ++i) {
        double weight = work.weights == nullptr ? 1 : static_cast<double>(work.weights[i]);
        weight += work.unit_offset && work.weights != nullptr ? 1 : 0;
        const double bias = work.biases == nullptr ? 0 : static_cast<double>(work.biases[i]);
        out[i] =
            static_cast<float>((static_cast<double>(values[i]) - mean) * factor * weight + bias);
    }
}

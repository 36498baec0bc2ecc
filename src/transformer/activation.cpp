#include "activation.hpp"

#include <algorithm>
#include <array>

#include "vector_math.hpp"

namespace alphaprune::transformer {
namespace {

struct Entry {
    std::string_view name;
    Activation function;
};
constexpr std::array kEntries{
    Entry{"silu", silu}, Entry{"swish", silu},         Entry{"relu", relu},
    Entry{"gelu", gelu}, Entry{"gelu_new", gelu_tanh}, Entry{"gelu_pytorch_tanh", gelu_tanh},
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

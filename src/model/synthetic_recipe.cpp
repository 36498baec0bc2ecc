#include "synthetic_recipe.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "alphaprune/support/checksum.hpp"
#include "block_names.hpp"
#include "synthetic_draw.hpp"
#include "window_draw.hpp"

namespace alphaprune::model {
namespace {

/// Numbers of the draws that a tensor's key gives beside its weights.
enum Draw : std::uint64_t { row_exponent, col_exponent, row_scale, col_scale };

/// Uniform over (0, 1).
double uniform(std::uint64_t key, std::uint64_t counter) {
    return (static_cast<double>(splitmix64(key, counter) >> 11) + 0.5) * 0x1p-53;
}

std::uint64_t key_of(std::string_view name) {
    return support::hash_bytes(std::as_bytes(std::span(name)));
}

/// Twelve significant bits: the product of two scales is exact in float, and the last bits of
/// another mathematics library do not matter.
float rounded(double value) {
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 12)), exponent - 12));
}

/// Position of the tensor's block in the model, from 0 to 1; in the middle outside of blocks.
double depth_of(const Catalogue& catalogue, std::string_view name) {
    const auto parts = numbered_parts(name);
    const std::int64_t last = catalogue.configuration.blocks - 1;
    if (parts.empty() || last < 1) {
        return 0.5;
    }
    return std::clamp(static_cast<double>(parts.front().number) / static_cast<double>(last), 0.0,
                      1.0);
}

/// Exponent of the power law of scales. Early blocks have heavier tails; matrices differ.
double exponent(std::uint64_t key, Draw draw, double depth) {
    constexpr double kLightest = 0.03;
    constexpr double kHeaviest = 0.30;
    const double share =
        std::clamp(0.75 - 0.5 * depth + 0.5 * (uniform(key, draw) - 0.5), 0.0, 1.0);
    return kLightest + share * (kHeaviest - kLightest);
}

/// `count` independent draws of u^−exponent, u uniform, with `size` as root of their mean square.
std::vector<float> power_law(std::uint64_t key, std::int64_t count, double exponent, double size) {
    const double least = 0.5 / static_cast<double>(count);
    const double factor = size * std::sqrt(1 - 2 * exponent);
    std::vector<float> scales;
    for (std::int64_t i = 0; i < count; ++i) {
        const double u = std::max(uniform(key, static_cast<std::uint64_t>(i)), least);
        scales.push_back(rounded(factor * std::pow(u, -exponent)));
    }
    return scales;
}

/// Norms are near one, biases small. Their scales are powers of two, so that the sum is rounded
/// once on every machine.
void fill_vector(SyntheticRecipe& recipe, std::string_view name, std::int64_t length) {
    const bool is_norm = name.ends_with(".weight");
    recipe.shift = is_norm ? 1.0F : 0.0F;
    recipe.row_scales = {is_norm ? 0x1p-10F : 0x1p-13F};
    recipe.col_scales.assign(static_cast<std::size_t>(length), 1.0F);
}

}  // namespace

SyntheticRecipe recipe_of(const Catalogue& catalogue, const TensorInfo& tensor) {
    SyntheticRecipe recipe;
    recipe.key = key_of(tensor.name);
    if (tensor.shape.size() < 2) {
        fill_vector(recipe, tensor.name, tensor.row_length());
        return recipe;
    }
    const double depth = depth_of(catalogue, tensor.name);
    // Inputs of size one give outputs of size one.
    const double size = 1 / (kDrawDeviation * std::sqrt(static_cast<double>(tensor.row_length())));
    recipe.row_scales = power_law(splitmix64(recipe.key, row_scale), tensor.rows(),
                                  exponent(recipe.key, row_exponent, depth), size);
    recipe.col_scales = power_law(splitmix64(recipe.key, col_scale), tensor.row_length(),
                                  exponent(recipe.key, col_exponent, depth), 1);
    return recipe;
}

}  // namespace alphaprune::model

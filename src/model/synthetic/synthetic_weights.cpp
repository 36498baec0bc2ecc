#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "alphaprune/support/checksum.hpp"
#include "alphaprune/support/random_draw.hpp"
#include "alphaprune/support/scalar.hpp"
#include "name_words.hpp"

// The two loops are compiled for several generations of vector units, one of which the dynamic
// linker chooses: with GCC and glibc on x86-64, but not under the sanitizers, which are not ready
// when the linker asks. All give the same bits.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ALPHAPRUNE_VECTOR_CLONES \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ALPHAPRUNE_VECTOR_CLONES
#endif

namespace alphaprune::model {
namespace {

using support::kDrawDeviation;
using support::RowKey;
using support::splitmix64;

/// How the weights of one synthetic tensor are made:
///     weight(i, j) = shift + row_scale(i) · col_scale(j) · z(i, j),
/// z a bell-shaped whole number drawn from the tensor's key, the row and the column. The scales of
/// tensors of two or more dimensions follow power laws, which gives the spectrum its heavy tail.
struct SyntheticRecipe {
    std::uint64_t key = 0;  ///< of the tensor's name
    float shift = 0;
    std::vector<float> row_scales;
    std::vector<float> col_scales;
};

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
/// only once on every machine.
void fill_vector(SyntheticRecipe& recipe, std::string_view name, std::int64_t length) {
    const bool is_norm = name.ends_with(".weight");
    recipe.shift = is_norm ? 1.0F : 0.0F;
    recipe.row_scales = {is_norm ? 0x1p-10F : 0x1p-13F};
    recipe.col_scales.assign(static_cast<std::size_t>(length), 1.0F);
}

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

/// Weights generated at a time: they stay in the L1 cache.
constexpr std::size_t kPiece = 2048;

/// Product and sum are exact up to one rounding (see SyntheticRecipe), so that it does not matter
/// whether a processor fuses them.
ALPHAPRUNE_VECTOR_CLONES
void make_weights(RowKey row, std::uint32_t column, float row_scale, float shift,
                  std::span<const float> col_scales, float* out) {
    const float* const scales = col_scales.data();
    const auto count = static_cast<std::uint32_t>(col_scales.size());
    for (std::uint32_t j = 0; j < count; ++j) {
        const auto z = static_cast<float>(support::bell(support::random_bits(row, column + j)));
        out[j] = shift + (row_scale * scales[j]) * z;
    }
}

/// Like narrow() for finite values, vectorized.
ALPHAPRUNE_VECTOR_CLONES
void narrow_to_bfloat16(std::span<const float> values, std::uint16_t* out) {
    const float* const from = values.data();
    const std::size_t count = values.size();
    for (std::size_t j = 0; j < count; ++j) {
        const auto bits = std::bit_cast<std::uint32_t>(from[j]);
        out[j] = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
    }
}

void store(std::span<const float> values, support::ScalarType type, std::span<std::byte> out) {
    if (type != support::ScalarType::bfloat16) {
        support::narrow(values, type, out);
        return;
    }
    std::array<std::uint16_t, kPiece> narrowed;
    narrow_to_bfloat16(values, narrowed.data());
    std::memcpy(out.data(), narrowed.data(), out.size());
}

class SyntheticWeights : public WeightStore {
  public:
    explicit SyntheticWeights(const Catalogue& catalogue) : catalogue_(catalogue) {}

    void read(const TensorInfo& tensor, const linalg::Rectangle& part,
              std::span<std::byte> out) override {
        const TensorInfo rows = as_matrix_rows(tensor);
        const auto recipe = recipe_for(rows);
        if (rows.row_length() == tensor.row_length()) {
            make(*recipe, rows.scalar_type(), part, out);
        } else {  // a row of three dimensions is a matrix
            const std::int64_t each = rows.rows() / std::max<std::int64_t>(tensor.rows(), 1);
            assert(part.cols() == tensor.row_length());
            make(*recipe, rows.scalar_type(),
                 {part.row_begin * each, part.row_end * each, 0, rows.row_length()}, out);
        }
    }

    std::optional<linalg::GeneratedValues> generated(const TensorInfo& tensor) override {
        if (tensor.shape.size() != 2) {
            return std::nullopt;
        }
        told_ = recipe_for(tensor);
        return linalg::GeneratedValues{told_->key, told_->row_scales, told_->col_scales};
    }

  private:
    static void make(const SyntheticRecipe& recipe, support::ScalarType type,
                     const linalg::Rectangle& part, std::span<std::byte> out) {
        const std::size_t value_bytes = support::size_of(type);
        std::array<float, kPiece> values;
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            const RowKey key = support::row_key(recipe.key, row);
            const float scale = recipe.row_scales[static_cast<std::size_t>(row)];
            auto column = static_cast<std::size_t>(part.col_begin);
            for (auto left = static_cast<std::size_t>(part.cols()); left > 0;) {
                const std::size_t count = std::min(left, kPiece);
                make_weights(key, static_cast<std::uint32_t>(column), scale, recipe.shift,
                             std::span(recipe.col_scales).subspan(column, count), values.data());
                store(std::span(values).first(count), type, out.first(count * value_bytes));
                out = out.subspan(count * value_bytes);
                column += count;
                left -= count;
            }
        }
    }

    /// Tensors are read piece by piece: the last recipe is kept.
    std::shared_ptr<const SyntheticRecipe> recipe_for(const TensorInfo& tensor) {
        const std::scoped_lock lock(preparing_);
        if (prepared_ != tensor.name) {
            recipe_ = std::make_shared<const SyntheticRecipe>(recipe_of(catalogue_, tensor));
            prepared_ = tensor.name;
        }
        return recipe_;
    }

    const Catalogue& catalogue_;
    std::mutex preparing_;
    std::string prepared_;  ///< the tensor that the recipe is of
    std::shared_ptr<const SyntheticRecipe> recipe_;
    std::shared_ptr<const SyntheticRecipe> told_;  ///< what generated() has shown last
};

}  // namespace

std::unique_ptr<WeightStore> generate_weights(const Catalogue& catalogue) {
    return std::make_unique<SyntheticWeights>(catalogue);
}

}  // namespace alphaprune::model

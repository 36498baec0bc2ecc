#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "alphaprune/support/scalar.hpp"
#include "synthetic_draw.hpp"
#include "synthetic_recipe.hpp"
#include "weight_store.hpp"

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

/// Weights made at a time: they stay in the first cache.
constexpr std::size_t kPiece = 2048;

/// Product and sum are exact up to one rounding (see SyntheticRecipe), so that it does not matter
/// whether a processor fuses them.
ALPHAPRUNE_VECTOR_CLONES
void make_weights(RowKey row, std::uint32_t column, float row_scale, float shift,
                  std::span<const float> col_scales, float* out) {
    const float* const scales = col_scales.data();
    const auto count = static_cast<std::uint32_t>(col_scales.size());
    for (std::uint32_t j = 0; j < count; ++j) {
        const auto z = static_cast<float>(bell(random_bits(row, column + j)));
        out[j] = shift + (row_scale * scales[j]) * z;
    }
}

/// As narrow() does for values that are numbers, many at a time.
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
        prepare(tensor);
        const support::ScalarType type = tensor.scalar_type();
        const std::size_t value_bytes = support::size_of(type);
        std::array<float, kPiece> values;
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            const RowKey key = row_key(recipe_.key, row);
            const float scale = recipe_.row_scales[static_cast<std::size_t>(row)];
            auto column = static_cast<std::size_t>(part.col_begin);
            for (auto left = static_cast<std::size_t>(part.cols()); left > 0;) {
                const std::size_t count = std::min(left, kPiece);
                make_weights(key, static_cast<std::uint32_t>(column), scale, recipe_.shift,
                             std::span(recipe_.col_scales).subspan(column, count), values.data());
                store(std::span(values).first(count), type, out.first(count * value_bytes));
                out = out.subspan(count * value_bytes);
                column += count;
                left -= count;
            }
        }
    }

  private:
    /// Tensors are read piece by piece: the last recipe is kept.
    void prepare(const TensorInfo& tensor) {
        if (prepared_ != tensor.name) {
            recipe_ = recipe_of(catalogue_, tensor);
            prepared_ = tensor.name;
        }
    }

    const Catalogue& catalogue_;
    std::string prepared_;  ///< the tensor that the recipe is of
    SyntheticRecipe recipe_;
};

}  // namespace

std::unique_ptr<WeightStore> generate_weights(const Catalogue& catalogue) {
    return std::make_unique<SyntheticWeights>(catalogue);
}

}  // namespace alphaprune::model

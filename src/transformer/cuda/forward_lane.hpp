#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/support/scalar.hpp"

// What program and module agree about for forward passes on a card. Nothing of CUDA shows here. All
// pointers are into memory of the card unless they are called spans; matrices are row-major, their
// rows one after another.

namespace alphaprune::transformer::card {

using linalg::Addition;

/// out = input·Wᵀ + bias, added to what is there if asked for. What is multiplied in which parts
/// follows from the type of the weights, see ForwardLane::multiply.
struct Product {
    const float* input = nullptr;  ///< tokens × cols
    std::int64_t tokens = 0;
    std::int64_t cols = 0;
    const void* weights = nullptr;  ///< rows × cols
    support::ScalarType type{};     ///< of the weights: bfloat16, float16 or float32
    /// rows × 2·cols: each row of weights in bfloat16 twice, with which a product in two parts is
    /// one of twice the depth; nullptr: there are none.
    const void* doubled = nullptr;
    std::int64_t rows = 0;
    const float* bias = nullptr;  ///< rows; nullptr: none
    float* out = nullptr;         ///< tokens × rows
    bool add_to_it = false;
};

/// What the next multiply() will do with values that are computed: split them for weights of this
/// type, which can be done in passing. Nothing comes of it where it does not.
struct Intent {
    support::ScalarType type = support::ScalarType::float32;
    linalg::ForwardPrecision precision{};
    bool doubled = false;  ///< the weights are there twice: Product::doubled
};

/// Each row normed by itself: (x − mean)·factor·weight + bias, factor = 1/√(mean (x − mean)² + ε);
/// without `centered` the mean is taken as 0. Sums in float64.
struct Norm {
    const float* values = nullptr;  ///< rows × width
    float* out = nullptr;           ///< may be `values`
    std::int64_t rows = 0;
    std::int64_t width = 0;
    double epsilon = 0;
    bool centered = false;
    const float* weights = nullptr;  ///< width; nullptr: ones
    const float* biases = nullptr;   ///< width; nullptr: zeros
    bool unit_offset = false;        ///< 1 + weight in place of weight
    Intent intent = {};              ///< of what is written
};

enum class Activation { silu, relu, gelu, gelu_tanh, quick_gelu, clamped_gate };

/// gate ← activation(gate)·up, or activation(gate) alone.
struct Gate {
    float* gate = nullptr;
    const float* up = nullptr;  ///< nullptr: none
    std::int64_t count = 0;
    Activation activation{};
    float limit = 0;      ///< of clamped_gate: model::ClampedGate
    float steepness = 0;  ///< of clamped_gate
    Intent intent = {};   ///< of what is written
};

/// Rotates the heads of a sequence's tokens, token t by row t of the tables: pair i of a head, its
/// values (first + i, first + i + pairs), or interleaved (first + 2i, first + 2i + 1), becomes
/// (a·cos − b·sin, b·cos + a·sin).
struct Rotation {
    float* values = nullptr;  ///< tokens × heads × head_size
    std::int64_t tokens = 0;
    std::int64_t heads = 0;
    std::int64_t head_size = 0;
    std::int64_t first = 0;
    std::int64_t pairs = 0;
    bool interleaved = false;
    const float* cos = nullptr;  ///< tokens × pairs
    const float* sin = nullptr;
};

/// Causal attention: per head softmax over the keys that a query sees of
/// cap(scale·q·k + scale·(bias of the key − bias of the query's own position)) times the values,
/// cap(s) = softcap·tanh(s/softcap). Query heads in equal groups share a key and value head.
struct Attention {
    const float* query = nullptr;  ///< tokens × heads × head_size
    const float* key = nullptr;    ///< tokens × key_value_heads × head_size
    const float* value = nullptr;  ///< tokens × key_value_heads × value_size
    float* out = nullptr;          ///< tokens × heads × value_size
    std::int64_t tokens = 0;
    std::int64_t heads = 0;
    std::int64_t key_value_heads = 0;
    std::int64_t head_size = 0;
    std::int64_t value_size = 0;
    float scale = 0;
    float softcap = 0;              ///< 0: none
    std::int64_t window = 0;        ///< tokens back that a query sees, itself included; 0: all
    const float* biases = nullptr;  ///< heads × tokens: of each key (ALiBi); nullptr: none
    const float* sinks = nullptr;   ///< heads: the score of one more column without a value
};

/// Of some rows their first `width` values: row r of `to` becomes row r / repeat of `from`.
struct RowCopy {
    const float* from = nullptr;
    std::int64_t from_stride = 0;  ///< values from one row to the next
    std::int64_t repeat = 1;
    float* to = nullptr;
    std::int64_t to_stride = 0;
    std::int64_t rows = 0;
    std::int64_t width = 0;
};

/// Row i of `to` becomes row indices[i] of `from`.
struct Gathering {
    const float* from = nullptr;
    const std::int32_t* indices = nullptr;
    float* to = nullptr;
    std::int64_t rows = 0;
    std::int64_t width = 0;
};

/// Row indices[i] of `sum` grows by factors[i] times row i of `values`. Each index comes once.
struct Scattering {
    float* sum = nullptr;
    const std::int32_t* indices = nullptr;  ///< nullptr: row i
    /// nullptr: ones. As gates: 1/(1 + e^−factor) in place of the factor.
    const float* factors = nullptr;
    bool as_gates = false;
    const float* values = nullptr;
    std::int64_t rows = 0;
    std::int64_t width = 0;
};

/// sum = aᵀ·b, added to what is there if asked for.
struct ProductSum {
    const float* a = nullptr;   ///< tokens × rows
    std::int64_t a_stride = 0;  ///< values from one row to the next, at least as many as one has
    const float* b = nullptr;   ///< tokens × cols; may be `a`
    std::int64_t b_stride = 0;
    std::int64_t tokens = 0;  ///< at least 1
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    float* sum = nullptr;  ///< rows × cols
    std::int64_t sum_stride = 0;
    bool add_to_it = false;
};

/// out = factor·(a − b), rounded after the difference and after the product.
struct Difference {
    const float* a = nullptr;
    const float* b = nullptr;
    float* out = nullptr;  ///< neither of them
    std::int64_t count = 0;
    float factor = 1;
};

/// Of each row the `dropped` weights of lowest score |w|·scale become zero, or of each group of a
/// row those that `removed` says; lowest index first among equals. Scores are in float32.
struct Dropping {
    void* weights = nullptr;  ///< rows × cols
    support::ScalarType type{};
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    const float* scales = nullptr;  ///< cols, not negative
    std::int64_t dropped = 0;       ///< where there are no groups
    int group = 0;    ///< consecutive weights, 2 to 16; 0: none. The last may have fewer, `width`
    int removed = 0;  ///< of a group, floor(width·removed/group) of the last
};

/// What is known of a token's loss from a part of the vocabulary.
struct LossState {
    float largest = 0;       ///< logit so far; −∞ at first
    float target_logit = 0;  ///< once its row has come by
    double total = 0;        ///< Σ e^(logit − largest)
};

/// Takes some rows of the vocabulary into the losses of some tokens.
struct VocabularyPart {
    const float* features = nullptr;  ///< tokens × width
    std::int64_t tokens = 0;
    std::int64_t width = 0;
    const void* weights = nullptr;  ///< rows × width
    support::ScalarType type{};
    std::int64_t first_row = 0;  ///< of the vocabulary
    std::int64_t rows = 0;
    float softcap = 0;                      ///< of the logits; 0: none
    const std::int32_t* targets = nullptr;  ///< per token: a row of the vocabulary
    LossState* states = nullptr;            ///< per token, in and out
};

/// Forward passes on a card, beside its linear algebra.
class ForwardLane : public linalg::FarLane {
  public:
    /// upload() for values that are put down in the type, rounded to it. @pre of that type they
    /// need no rounding, or the user knows
    virtual void upload_as(void* to, support::ScalarType type, std::span<const float> from) = 0;
    /// Begins to bring values to the host as they are now, while work goes on.
    /// @param turn  0 or 1: what was begun with the same before is lost
    virtual void begin_download(int turn, const void* from, std::size_t bytes) = 0;
    /// Waits for these alone. @return them, until the turn comes again
    virtual std::span<const std::byte> finish_download(int turn) = 0;

    /// All of them, none of which reads what another one writes. Sums are in float32. Weights of 16
    /// bits are multiplied as they are, activations in parts of the weights' type that add up to
    /// them: one (bf16), two (bf16x2) or three (float32), made once for products of the same input.
    /// For weights in float16 the activations are brought into its range by a power of two.
    /// Weights in float32 are multiplied in float32.
    virtual void multiply(std::span<const Product> products,
                          linalg::ForwardPrecision precision) = 0;
    virtual void norm(const Norm& work) = 0;
    virtual void gate(const Gate& work) = 0;
    virtual void rotate(const Rotation& work) = 0;
    /// Products of queries with keys and of weights with values are those of `precision` in
    /// bfloat16, with both operands in parts.
    virtual void attend(const Attention& work, linalg::ForwardPrecision precision) = 0;
    virtual void copy_rows(const RowCopy& work) = 0;
    virtual void gather(const Gathering& work) = 0;
    virtual void scatter(const Scattering& work) = 0;
    /// sums[j] = Σ values[i][j]² over the rows, in float64, rounded once.
    virtual void column_squares(const float* values, std::int64_t rows, std::int64_t cols,
                                float* sums) = 0;
    /// Sums are in float32, in one order for one shape. With `float32` the factors are taken as
    /// they are, else rounded to TF32 (eleven bits, to nearest or towards zero), each value always
    /// to the same: aᵀ·a remains positive semidefinite. What is not finite stays so.
    virtual void add_products(const ProductSum& work, linalg::ForwardPrecision precision) = 0;
    virtual void subtract(const Difference& work) = 0;
    /// sums[i] += values[i], in float64.
    virtual void add_in_double(double* sums, const float* values, std::int64_t count) = 0;
    /// Waits. @returns how many scores are not finite: unless 0, nothing is dropped
    virtual std::int64_t drop_lowest(const Dropping& work) = 0;
    /// With logits of the same precision.
    virtual void add_vocabulary(const VocabularyPart& work, linalg::ForwardPrecision precision) = 0;
};

/// @param card  its index
using MakeForwardLane = ForwardLane*(int card);
inline constexpr const char* kMakeForwardLane = "alphaprune_cuda_make_forward_lane";

}  // namespace alphaprune::transformer::card

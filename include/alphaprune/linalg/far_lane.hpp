#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "alphaprune/linalg/far_group.hpp"
#include "alphaprune/support/scalar.hpp"

// Linear algebra far from the processor, as on a graphics card. All pointers are into memory there
// unless they are called spans; matrices are row-major, their rows one after another unless a
// stride is given.

namespace alphaprune::linalg {

/// sum ← sum + factor·added.
struct Addition {
    float* sum = nullptr;
    const float* added = nullptr;
    std::int64_t count = 0;
    float factor = 1;
};

/// A_ij = scale_i·scale_j·sums_ij with another diagonal.
struct ScaledSums {
    const double* sums = nullptr;  ///< order × order, symmetric; at and above the diagonal counts
    std::int64_t order = 0;
    std::span<const double> scale;     ///< one per row and column
    std::span<const double> diagonal;  ///< of A
};

/// out = alpha·A·B + beta·out, all in float32.
struct MatrixProduct {
    float alpha = 1;
    const float* a = nullptr;  ///< rows × inner
    std::int64_t a_stride = 0;
    const float* b = nullptr;  ///< inner × cols
    std::int64_t b_stride = 0;
    float beta = 0;
    float* out = nullptr;  ///< rows × cols, neither of them
    std::int64_t out_stride = 0;
    std::int64_t rows = 0;
    std::int64_t inner = 0;
    std::int64_t cols = 0;
};

/// Scores w²/U_jj² of a panel of columns, square by square and rounded each time, as PanelSweep
/// compares them; 0 where a weight is gone beforehand.
struct PanelScores {
    const float* weights = nullptr;  ///< rows × cols
    std::int64_t stride = 0;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    const float* factor = nullptr;  ///< the square block of U at these columns
    std::int64_t factor_stride = 0;
    const std::uint8_t* gone = nullptr;  ///< rows × cols, not zero where gone; nullptr: none
    std::int64_t gone_stride = 0;
    float* scores = nullptr;  ///< rows × cols, one row after another
};

/// How many values there are of each number that some bits of their magnitude have, as float32.
struct MagnitudeCount {
    const float* values = nullptr;
    std::int64_t count = 0;
    const std::uint8_t* gone = nullptr;  ///< counted as zero where not 0; nullptr: none
    std::uint32_t decided = 0;           ///< the upper bits that a value must have to be counted
    int undecided = 32;                  ///< bits below these
    int bits = 11;                       ///< the upper ones of them, which are told apart; 1 to 12
    std::uint32_t* counts = nullptr;     ///< 2^bits, replaced
};

/// SparseGPT on a panel of columns, column after column: a removed weight's error e = w/U_jj is
/// made up for by the weights right of it in the panel, w_k −= e·U_jk.
struct PanelSweep {
    static constexpr std::int64_t kWidest = 128;  ///< columns

    float* weights = nullptr;  ///< rows × cols, changed in place
    std::int64_t stride = 0;
    std::int64_t rows = 0;
    std::int64_t cols = 0;          ///< at most kWidest
    const float* factor = nullptr;  ///< the square block of U at these columns
    std::int64_t factor_stride = 0;
    const std::uint8_t* gone = nullptr;  ///< as in PanelScores
    std::int64_t gone_stride = 0;
    float threshold = 0;  ///< without groups: scores up to this go, as they are before the sweep
    int group = 0;        ///< columns from the first on, 2 to 16; 0: none. The last may have fewer
    int removed = 0;      ///< of a group by its scores as the sweep finds them, leftmost of equals
                          ///< first, gone ones before all; floor(width·removed/group) of the last
    float* errors = nullptr;  ///< out: rows × cols, zero where a weight stays
    std::int64_t error_stride = 0;
};

/// stays = 1 where a value's magnitude has more than these bits and it is not gone, else 0.
struct LargerChoice {
    const float* values = nullptr;
    const std::uint8_t* gone = nullptr;  ///< nullptr: none
    std::int64_t count = 0;
    std::uint32_t bound = 0;  ///< bits of a magnitude, as float32
    std::uint8_t* stays = nullptr;
    /// Of those with just these bits, gone ones counted as zeros, so many first ones go, the others
    /// stay unless they are gone; −1: all go.
    std::int64_t equals_to_go = -1;
};

/// stays = 0 for the `removed` smallest magnitudes of each group, leftmost of equals first, gone
/// ones before all and however many; else 1.
struct GroupChoice {
    const float* values = nullptr;       ///< rows × cols
    const std::uint8_t* gone = nullptr;  ///< nullptr: none
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    int group = 0;    ///< consecutive columns, 2 to 16. The last may have fewer, `width`
    int removed = 0;  ///< floor(width·removed/group) of the last
    std::uint8_t* stays = nullptr;
};

/// out = base + factor·values, with one factor where `stays` is not 0 and another where it is. With
/// the factor 0 values do not count, whatever they are.
struct ChosenSum {
    const float* base = nullptr;  ///< nullptr: zeros
    const float* values = nullptr;
    const std::uint8_t* stays = nullptr;
    std::int64_t count = 0;
    float if_stays = 0;
    float if_goes = 0;
    float* out = nullptr;  ///< may be one of them
};

/// support ← 1 where a value is not zero and stays, else 0.
struct SupportLook {
    const float* values = nullptr;
    const std::uint8_t* stays = nullptr;
    std::int64_t count = 0;
    std::uint8_t* support = nullptr;
};

/// Rows in conjugate gradients, each by itself.
struct RefinedRows {
    float* values = nullptr;  ///< rows × cols, as all that follow
    std::uint8_t* support = nullptr;
    float* residual = nullptr;
    float* direction = nullptr;
    const float* product = nullptr;  ///< of the direction and the matrix; at first of the values
    double* squares = nullptr;       ///< one per row: of the residual's size
    std::int64_t rows = 0;
    std::int64_t cols = 0;
};

/// Work on a stream, one piece after another in the order of the calls, which return at once unless
/// it says that they wait. Called by one thread. Functions throw device::CardError, those after a
/// fault again. The same bits for the same calls.
class FarLane {
  public:
    virtual ~FarLane() = default;

    /// @returns memory at a multiple of 256 bytes
    virtual void* allocate(std::size_t bytes) = 0;
    /// Waits. @param memory  as it was allocated, or nullptr
    virtual void release(void* memory) = 0;
    /// @returns memory of the host, where copy() comes and goes; the processor leaves it alone
    virtual void* allocate_on_host(std::size_t bytes) = 0;
    /// Waits. @param memory  as it was allocated, or nullptr
    virtual void release_on_host(void* memory) = 0;
    /// Copies between there and this memory of the host are faster until unpin(), where the system
    /// can do that; they stay what they are.
    virtual void pin(std::span<std::byte> memory) = 0;
    /// Before the memory is given back. Waits. @param memory  as it was pinned
    virtual void unpin(std::span<std::byte> memory) = 0;
    /// When it returns, `from` may be changed.
    virtual void upload(void* to, std::span<const std::byte> from) = 0;
    /// Waits.
    virtual void download(std::span<std::byte> to, const void* from) = 0;
    virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
    virtual void clear(void* to, std::size_t bytes) = 0;
    /// Until all is done.
    virtual void wait() = 0;

    virtual void add(const Addition& work) = 0;
    /// Stored values as float32.
    virtual void widen(const void* stored, support::ScalarType type, std::int64_t count,
                       float* to) = 0;
    /// Waits. Rounds to the type, ties to even.
    /// @return how many are not finite afterwards
    virtual std::int64_t narrow(const float* from, std::int64_t count, support::ScalarType type,
                                void* stored) = 0;
    /// to = factor·from, rounded once.
    virtual void round_to_float(const double* from, std::int64_t count, double factor,
                                float* to) = 0;
    /// Waits.
    virtual std::int64_t count_not_finite(const double* values, std::int64_t count) = 0;
    /// Waits. Of a matrix of order out.size().
    virtual void diagonal(const double* matrix, std::span<double> out) = 0;
    /// rows × cols; column j times scale[j], or divided by it.
    virtual void scale_columns(float* values, std::int64_t rows, std::span<const float> scale,
                               bool divide) = 0;
    /// Columns j with which[j] not 0 become zero.
    virtual void clear_columns(float* values, std::int64_t rows,
                               std::span<const std::uint8_t> which) = 0;

    /// A in float32, whole.
    virtual void make_scaled(const ScaledSums& work, float* out) = 0;
    /// Waits. In float64: L, lower triangular, column after column, with LLᵀ = A, or with JAJ = LLᵀ
    /// for the reversal J of rows. What is above its diagonal is left over.
    /// @param out  order × order
    /// @return false where A is not positive definite or not finite: then nothing is in `out`
    virtual bool factor(const ScaledSums& work, bool reversed, double* out) = 0;
    /// U = (JLJ)⁻¹ in float32, upper triangular with UᵀU = A⁻¹ where JAJ = LLᵀ; zero below the
    /// diagonal. @param lower  L as factor() has made it, overwritten
    virtual void invert_reversed(double* lower, std::int64_t order, float* out) = 0;
    /// A⁻¹ in float32, whole, where A = LLᵀ. @param lower  L as factor() has made it, overwritten
    virtual void invert(double* lower, std::int64_t order, float* out) = 0;
    virtual void multiply_add(const MatrixProduct& work) = 0;

    virtual void score(const PanelScores& work) = 0;
    virtual void count_magnitudes(const MagnitudeCount& work) = 0;
    virtual void sweep(const PanelSweep& work) = 0;

    virtual void choose_larger(const LargerChoice& work) = 0;
    virtual void choose_in_groups(const GroupChoice& work) = 0;
    virtual void add_chosen(const ChosenSum& work) = 0;
    /// Waits. @return in how many places the support has changed
    virtual std::int64_t look_at_support(const SupportLook& work) = 0;
    /// support = values ≠ 0; there residual = right − product, else 0; direction = residual;
    /// squares are theirs.
    /// @param right  rows × cols
    virtual void begin_refining(const RefinedRows& rows, const float* right) = 0;
    /// A step: α = square/(direction·product); values += α·direction, residual −= α·product in the
    /// support, direction = residual + (square after/before)·direction. Dot products in float64.
    /// Rows stay as they are where square or direction·product is not positive.
    virtual void refine(const RefinedRows& rows) = 0;
    /// out[i] = row i of one · row i of the other, in float64.
    virtual void row_products(const float* one, const float* other, std::int64_t rows,
                              std::int64_t cols, double* out) = 0;

    /// Of a new group. Throws also where lanes cannot form one; they can do all else.
    virtual FarGroupKey make_group_key() = 0;
    /// Collective over as many lanes as the group shall have; waits for them. The lane outlives it.
    /// @param key  that one of them has made
    virtual std::unique_ptr<FarGroup> join(const FarGroupKey& key, int rank, int ranks) = 0;
};

/// Memory of the host that is pinned as long as this lives.
class PinnedRange {
  public:
    PinnedRange(FarLane& lane, std::span<std::byte> memory) : lane_(lane), memory_(memory) {
        try {
            lane_.pin(memory_);
        } catch (...) {  // the card is lost, which who asks it for work is told
        }
    }
    PinnedRange(const PinnedRange&) = delete;
    PinnedRange& operator=(const PinnedRange&) = delete;
    ~PinnedRange() {
        try {
            lane_.unpin(memory_);
        } catch (...) {  // the card is lost, and needs it no more
        }
    }

  private:
    FarLane& lane_;
    std::span<std::byte> memory_;
};

/// Memory there that grows when more is needed; what was there is lost then.
class FarBuffer {
  public:
    enum class Where { there, host };

    explicit FarBuffer(FarLane& lane, Where where = Where::there) : lane_(&lane), where_(where) {}
    FarBuffer(FarBuffer&& other) noexcept
        : lane_(other.lane_),
          where_(other.where_),
          memory_(std::exchange(other.memory_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)) {}
    FarBuffer& operator=(FarBuffer&&) = delete;
    ~FarBuffer() {
        try {
            release();
        } catch (...) {  // the card is lost, and its memory with it
        }
    }

    /// Room for so many values, which only the lane looks into.
    template <class T = float>
    std::span<T> at_least(std::int64_t count) {
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
        if (bytes > bytes_) {
            release();
            memory_ =
                where_ == Where::there ? lane_->allocate(bytes) : lane_->allocate_on_host(bytes);
            bytes_ = bytes;
        }
        return {static_cast<T*>(memory_), static_cast<std::size_t>(count)};
    }
    /// The same, with these values in it.
    template <class T>
    std::span<T> filled(std::span<const T> values) {
        const std::span<T> room = at_least<T>(static_cast<std::int64_t>(values.size()));
        lane_->upload(room.data(), std::as_bytes(values));
        return room;
    }
    /// Gives the memory back.
    void release() {
        bytes_ = 0;
        if (memory_ != nullptr) {
            void* const memory = std::exchange(memory_, nullptr);
            where_ == Where::there ? lane_->release(memory) : lane_->release_on_host(memory);
        }
    }

  private:
    FarLane* lane_;
    Where where_;
    void* memory_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace alphaprune::linalg

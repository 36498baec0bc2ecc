#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cuda/forward_kernels.hpp"
#include "cuda/forward_lane.hpp"
#include "cuda/libraries.cuh"

namespace alphaprune::transformer::card {

/// How many parts of 16 bits stand for a value.
int parts_of(linalg::ForwardPrecision precision);

/// Where parts in bfloat16 of some values go.
struct SplitRoom {
    std::uint16_t* parts = nullptr;  ///< the first, at a multiple of 256 bytes
    std::int64_t width = 0;          ///< values of a row
    std::int64_t row_stride = 0;     ///< from one row of a part to its next
    std::int64_t stride = 0;         ///< from one part of a row to its next
    int count = 0;                   ///< 0: nowhere
};

/// Where the parts of value number `place` go, a multiple of four: the first of them.
__device__ inline std::uint16_t* place_of_parts(const SplitRoom& room, std::int64_t place) {
    const auto [row, col] = kernels::place_of(place, room.width);
    return room.parts + row * room.row_stride + col;
}

/// Products of activations with weights, see ForwardLane::multiply. Owns the library's handle and
/// the activations' parts.
class CardProducts {
  public:
    explicit CardProducts(cudaStream_t stream);

    void multiply(std::span<const Product> products, linalg::ForwardPrecision precision);

    /// Room for the parts of values that are about to be written, which the next split_inputs()
    /// takes instead of making them.
    /// @param width  of their rows: parts are made of four values at a time
    SplitRoom prepare(const float* values, std::int64_t count, std::int64_t width,
                      const Intent& intent);
    /// These values are written over: parts of them that were prepared are of no use.
    void forget(const void* values);

    /// Makes the parts of all inputs, which are those of run() until the next call.
    void split_inputs(std::span<const Product> products, linalg::ForwardPrecision precision);
    /// @pre the input, with the type of the weights, was one of the last split_inputs()
    void run(const Product& product);

    /// See ForwardLane::add_products.
    void add_products(const ProductSum& work, linalg::ForwardPrecision precision);

  private:
    /// Activations as a product takes them.
    struct Operand {
        const float* input = nullptr;
        std::int64_t count = 0;
        support::ScalarType type{};
        /// Either all of a part, then all of the next, or for each row of the input its parts.
        SplitRoom room;
        const float* factors = nullptr;  ///< on the card, of each part's product: float16

        /// Whether its parts are those of the product's input.
        bool fits(const Product& product, int parts) const;
        bool by_rows() const { return room.width < count; }
    };
    /// Parts of so many values, part after part, or row after row. Without memory yet.
    static SplitRoom room_for(std::int64_t count, std::int64_t width, int parts, bool by_rows);
    /// @returns nullptr where there is none yet
    const Operand* operand_of(const Product& product) const;
    /// The same among those that were prepared, the latest first.
    const Operand* prepared_for(const Product& product) const;
    void split_input(Operand& operand, void* range);
    /// Whether both parts of its input are multiplied at once.
    bool takes_doubled(const Product& product) const;
    /// One factor of a product of BLAS.
    struct Activations {
        const void* values = nullptr;
        std::int64_t stride = 0;        ///< from one token to the next
        const float* factor = nullptr;  ///< on the card; nullptr: one
        bool adds = false;              ///< to what is there
        bool twice = false;             ///< two parts, with doubled weights
    };
    void multiply_with(const Product& product, const Activations& activations);

    cudaStream_t stream_;
    device::DeviceMemory workspace_, constants_, parts_, ranges_;
    linalg::Cublas cublas_;
    const float* zero_ = nullptr;  ///< on the card, as all factors are
    const float* one_ = nullptr;
    int part_count_ = 1;
    std::vector<Operand> operands_;
    std::vector<Operand> prepared_;
    std::vector<device::DeviceMemory> prepared_memory_;  ///< of each
};

}  // namespace alphaprune::transformer::card

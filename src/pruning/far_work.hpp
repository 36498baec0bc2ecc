#pragma once

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/linalg/far_lane.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::pruning {

/// A fault of a card that solves for weights as an error of the program.
support::Error solving_failure(const device::CardError& error);

/// out = values·square + beta·out @param values  rows × order @param square  order × order
inline linalg::MatrixProduct times_square(const float* values, std::int64_t rows,
                                          const float* square, std::int64_t order, float* out,
                                          float beta) {
    return {.alpha = 1,
            .a = values,
            .a_stride = order,
            .b = square,
            .b_stride = order,
            .beta = beta,
            .out = out,
            .out_stride = order,
            .rows = rows,
            .inner = order,
            .cols = order};
}

/// Work far from the processor, by linalg::FarLane. @throws Error (failure)
template <class Work>
auto far_work(const Work& work) {
    try {
        return work();
    } catch (const device::CardError& error) {
        throw solving_failure(error);
    }
}

}  // namespace alphaprune::pruning

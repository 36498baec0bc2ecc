// A module for cards that computes on the processor, with the bodies of the kernels that the real
// one runs. Environment variables tell it what to do wrong, once, with matrix number N from now:
//     FAKE_CARDS=N            how many cards there are (1)
//     FAKE_CARD_NAME=TEXT     their name
//     FAKE_CARD_LOST=N        the card is lost at matrix N
//     FAKE_CARD_FULL=N        its memory does not suffice for matrix N
//     FAKE_CARD_WRONG=N       one eigenvalue of matrix N is wrong
//     FAKE_CARD_INFO=N        the solver reports that it failed on matrix N
//     FAKE_CARD_SLOW=N        each matrix takes N ms longer
//     FAKE_CARD_SHUFFLES=1    of two matrices the first takes longer than the second
// Forward passes are in fake_forward_lane.cpp.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/device/card_error.hpp"
#include "alphaprune/device/card_module.hpp"
#include "blas.hpp"
#include "cuda/spectrum_kernels.hpp"
#include "cuda/spectrum_lane.hpp"
#include "fake_faults.hpp"

namespace {

using alphaprune::device::CardError;
using alphaprune::device::CardFault;
using alphaprune::linalg::LaneGram;
using alphaprune::linalg::LaneMatrix;
namespace kernels = alphaprune::linalg::kernels;

class FakeLane : public alphaprune::linalg::SpectrumLane {
  public:
    void begin(const LaneMatrix& matrix) override {
        static std::atomic<int> count = 0;
        number_ = ++count;
        is_wrong_ = is_due("FAKE_CARD_WRONG");
        fails_ = is_due("FAKE_CARD_INFO");
        if (is_due("FAKE_CARD_LOST")) {
            throw CardError(CardFault::lost, "made up: the card fell off the bus");
        }
        if (is_due("FAKE_CARD_FULL")) {
            throw CardError(CardFault::out_of_memory, "made up: out of memory");
        }
        matrix_ = matrix;
        stored_.clear();
    }
    void generate(const alphaprune::linalg::GeneratedValues& values) override {
        stored_.resize(static_cast<std::size_t>(matrix_.rows * matrix_.cols) *
                       kernels::bytes_of(matrix_.type));
        for (std::int64_t row = 0; row < matrix_.rows; ++row) {
            for (std::int64_t col = 0; col < matrix_.cols; ++col) {
                kernels::narrow_to(
                    stored_.data(), matrix_.type, row * matrix_.cols + col,
                    kernels::generated_value(alphaprune::support::row_key(values.key, row), col,
                                             values.row_scales[static_cast<std::size_t>(row)],
                                             values.col_scales[static_cast<std::size_t>(col)]));
            }
        }
    }
    std::span<std::byte> staging() override {
        const std::size_t row =
            static_cast<std::size_t>(matrix_.cols) * kernels::bytes_of(matrix_.type);
        staging_.assign(std::max<std::size_t>(row, 3 * row / 2 + 1000), std::byte{0x7F});
        return staging_;
    }
    void upload(std::size_t bytes) override {
        stored_.insert(stored_.end(), staging_.begin(),
                       staging_.begin() + static_cast<std::ptrdiff_t>(bytes));
    }
    LaneGram gram() override {
        const bool wide = matrix_.rows <= matrix_.cols;
        const std::int64_t order = std::min(matrix_.rows, matrix_.cols);
        const std::int64_t depth = std::max(matrix_.rows, matrix_.cols);
        const kernels::StoredPart all{stored_.data(), matrix_.type, matrix_.cols, 0, 0,
                                      matrix_.cols};
        LaneGram found;
        std::vector<double> values(static_cast<std::size_t>(order * depth));  // order × depth
        for (std::int64_t i = 0; i < order * depth; ++i) {
            const double value = all.at(i);
            const std::int64_t row = i / matrix_.cols;
            const std::int64_t col = i % matrix_.cols;
            values[static_cast<std::size_t>(wide ? i : col * depth + row)] = value;
            found.nonfinite += std::isfinite(value) ? 0 : 1;
        }
        gram_.assign(static_cast<std::size_t>(order * order), 0);
        for (std::int64_t j = 0; j < order; ++j) {
            for (std::int64_t i = j; i < order; ++i) {
                double sum = 0;
                for (std::int64_t k = 0; k < depth; ++k) {
                    sum += values[static_cast<std::size_t>(i * depth + k)] *
                           values[static_cast<std::size_t>(j * depth + k)];
                }
                gram_[static_cast<std::size_t>(i + j * order)] = sum;
            }
            found.trace += gram_[static_cast<std::size_t>(j + j * order)];
        }
        for (std::int64_t i = 0; found.trace > 0 && i < order * order; ++i) {
            found.relative_frobenius_sq += kernels::square_in_lower(gram_.data(), order, i % order,
                                                                    i / order, 1 / found.trace);
        }
        return found;
    }
    int library_eigenvalues(std::span<double> out) override {
        std::this_thread::sleep_for(std::chrono::milliseconds(told("FAKE_CARD_SLOW")));
        if (told("FAKE_CARD_SHUFFLES") != 0 && number_ % 2 == 1) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        const int n = static_cast<int>(out.size());
        const int work_size = std::max(1, 2 * n + 64 * n);
        const int integers = std::max(1, 8 * n);
        std::vector<double> work(static_cast<std::size_t>(work_size));
        std::vector<int> integer_work(static_cast<std::size_t>(integers));
        int info = 0;
        dsyevd_("N", "L", &n, gram_.data(), &n, out.data(), work.data(), &work_size,
                integer_work.data(), &integers, &info, 1, 1);
        if (is_wrong_) {
            out.back() *= 1.01;
        }
        return fails_ ? 7 : info;
    }

    void eigenvalues(std::span<double> out) override {
        if (library_eigenvalues(out) != 0) {
            throw CardError(CardFault::refused, "made up: the kernel was refused");
        }
    }

  private:
    int number_ = 0;
    bool is_wrong_ = false;
    bool fails_ = false;
    LaneMatrix matrix_;
    std::vector<std::byte> staging_, stored_;
    std::vector<double> gram_;
};

}  // namespace

extern "C" int alphaprune_cuda_interface() {
    return alphaprune::device::kModuleInterface;
}

extern "C" void alphaprune_cuda_cards(std::vector<alphaprune::device::CardInfo>& cards) {
    const int count = std::getenv("FAKE_CARDS") == nullptr ? 1 : told("FAKE_CARDS");
    const char* const name = std::getenv("FAKE_CARD_NAME");
    for (int index = 0; index < count; ++index) {
        cards.push_back(
            {index, name == nullptr ? "made-up card" : name, "GPU-" + std::to_string(index)});
    }
}

extern "C" alphaprune::linalg::SpectrumLane* alphaprune_cuda_make_spectrum_lane(int /*card*/) {
    return new FakeLane;
}

extern "C" std::uint64_t alphaprune_cuda_spectrum_lane_bytes(int /*card*/,
                                                             const LaneMatrix& matrix) {
    return static_cast<std::uint64_t>(matrix.rows * matrix.cols) * 16;
}

extern "C" std::uint64_t alphaprune_cuda_free_bytes(int /*card*/) {
    const int told_bytes = told("FAKE_CARD_FREE_BYTES");
    return told_bytes > 0 ? static_cast<std::uint64_t>(told_bytes) : std::uint64_t{1} << 30;
}

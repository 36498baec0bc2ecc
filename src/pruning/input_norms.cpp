#include "alphaprune/pruning/input_norms.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <iterator>

#include "alphaprune/support/message.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<std::int64_t, std::size_t> kInputsNotFinite{
    "pruning.inputs-not-finite",
    "the inputs of a matrix are NaN or too large for float32 ({} of {} inputs)",
    "activations overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens; magnitude pruning needs no inputs"};

/// Values that travel together between ranks.
constexpr std::int64_t kValuesAtATime = std::int64_t{1} << 22;

/// mean over n + 1 sequences from that over n, as the published code does it in float32.
float with_one_more(float mean, float sum, std::int64_t n) {
    const auto before = static_cast<float>(n);
    const auto after = static_cast<float>(n + 1);
    return mean * (before / after) + sum / after;
}

/// Inputs that a thread sums at a time.
constexpr std::int64_t kSlice = 512;

/// In float64, token after token: the float32 result depends on nothing but the sequence.
void sum_squares(const float* values, std::int64_t stride, std::int64_t tokens,
                 std::span<float> out) {
    std::array<double, kSlice> sums{};
    for (std::int64_t token = 0; token < tokens; ++token) {
        const float* const row = values + token * stride;
        for (std::size_t col = 0; col < out.size(); ++col) {
            const double value = row[col];
            sums[col] += value * value;
        }
    }
    std::transform(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(out.size()),
                   out.begin(), [](double sum) { return static_cast<float>(sum); });
}

}  // namespace

void InputNorms::add_sequence(const SiteInput& input) {
    assert(numbers_.empty() || numbers_.back() < input.sequence);
    numbers_.push_back(input.sequence);
    sums_.resize(numbers_.size() * static_cast<std::size_t>(own_.size()));
    const auto own = std::span(sums_).last(static_cast<std::size_t>(own_.size()));
    if (!input.squares.empty()) {
        assert(static_cast<std::int64_t>(input.squares.size()) == cols_);
        std::ranges::copy(input.squares.subspan(static_cast<std::size_t>(own_.begin), own.size()),
                          own.begin());
        return;
    }
    assert(static_cast<std::int64_t>(input.present.size()) == input.tokens * cols_);
    team_->threads().run_slices(own_.size(), kSlice, [&](parallel::RowRange some) {
        sum_squares(input.present.data() + own_.begin + some.begin, cols_, input.tokens,
                    own.subspan(static_cast<std::size_t>(some.begin),
                                static_cast<std::size_t>(some.size())));
    });
}

std::vector<float> InputNorms::norms(const parallel::Communicator& ranks, std::int64_t sequences,
                                     const std::string& where) const {
    std::vector<float> means(static_cast<std::size_t>(cols_), 0.0F);
    const std::int64_t width =
        std::clamp<std::int64_t>(kValuesAtATime / std::max<std::int64_t>(sequences, 1), 1, cols_);
    for (std::int64_t first = 0; first < cols_; first += width) {
        const std::int64_t part = std::min(width, cols_ - first);
        std::vector<float> table(static_cast<std::size_t>(sequences * part), 0.0F);
        const std::int64_t begin = std::clamp(own_.begin, first, first + part);
        const std::int64_t end = std::clamp(own_.end, first, first + part);
        for (std::size_t i = 0; i < numbers_.size(); ++i) {
            const auto row = sums_.begin() + static_cast<std::ptrdiff_t>(i) * own_.size();
            std::copy(row + (begin - own_.begin), row + (end - own_.begin),
                      table.begin() + numbers_[i] * part + (begin - first));
        }
        ranks.all_reduce_sum(std::span(table));  // one rank has a value, the others zero: exact
        for (std::int64_t n = 0; n < sequences; ++n) {
            for (std::int64_t col = 0; col < part; ++col) {
                float& mean = means[static_cast<std::size_t>(first + col)];
                mean = with_one_more(mean, table[static_cast<std::size_t>(n * part + col)], n);
            }
        }
    }
    require_finite_inputs(means, where);
    std::ranges::transform(means, means.begin(), [](float mean) { return std::sqrt(mean); });
    return means;
}

void require_finite_inputs(std::span<const float> squares, const std::string& where) {
    const auto wrong = std::ranges::count_if(squares, [](float v) { return !std::isfinite(v); });
    if (wrong > 0) {
        throw kInputsNotFinite(where, std::int64_t{wrong}, squares.size()).mark_agreed();
    }
}

SiteCost scoring_cost(const SiteWork& work) {
    constexpr double kNormSeconds = 0.5e-9;  // per input value
    constexpr double kScoreSeconds = 8e-9;   // per weight
    const auto cols = static_cast<double>(work.cols);
    SiteCost cost;
    cost.seconds =
        kNormSeconds * cols * static_cast<double>(work.tokens) * work.own_sequences / work.threads +
        kScoreSeconds * work.weights / (static_cast<double>(work.ranks) * work.threads);
    cost.bytes_summed = sizeof(float) * cols * static_cast<double>(work.sequences);
    // While the sums travel, means and a table of all sequences are beside the own ones.
    const std::int64_t table = std::min(work.cols * work.sequences, kValuesAtATime);
    cost.memory = static_cast<std::uint64_t>(cols * work.own_sequences * sizeof(float)) +
                  static_cast<std::uint64_t>(work.cols + table) * sizeof(float);
    return cost;
}

}  // namespace alphaprune::pruning

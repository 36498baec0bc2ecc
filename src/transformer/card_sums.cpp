#include "card_sums.hpp"

#include <fmt/format.h>

#include <cassert>
#include <string>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/log.hpp"
#include "alphaprune/support/slabs.hpp"
#include "card_failure.hpp"

namespace alphaprune::transformer {
namespace {

/// Calls of add() whose products are added in float32: each adds to them with as many roundings as
/// it has tokens.
constexpr int kCallsInFloat = 8;

/// Rows of the symmetric sums that are computed at a time, from the diagonal on: large products are
/// faster, small ones leave out more of what is below it.
constexpr std::int64_t kRowsAtATime = 4096;

class CardSums : public linalg::FarSums {
  public:
    CardSums(card::ForwardLane& lane, linalg::ForwardPrecision precision, std::int64_t order,
             std::span<const std::int64_t> companions)
        : lane_(lane),
          precision_(precision),
          sizes_{order},
          recent_(lane),
          sums_(lane),
          passing_(lane) {
        sizes_.insert(sizes_.end(), companions.begin(), companions.end());
        for (const std::int64_t size : sizes_) {
            values_ += size * order;
        }
        on_card(
            [&] {
                lane_.clear(sums_.at_least<double>(values_).data(),
                            static_cast<std::size_t>(values_) * sizeof(double));
                lane_.clear(recent_.at_least(values_).data(),  // what is below the diagonal, too
                            static_cast<std::size_t>(values_) * sizeof(float));
            },
            sums_failure);
    }

    void add(std::span<const std::span<const float>> vectors, std::int64_t count) override {
        assert(vectors.size() == sizes_.size());
        if (count == 0) {
            return;
        }
        on_card(
            [&] {
                float* sum = recent_.at_least(values_).data();
                for (std::size_t part = 0; part < sizes_.size(); ++part) {
                    add_part(part, vectors, count, sum);
                    sum += sizes_[part] * order();
                }
                if (++calls_ == kCallsInFloat) {
                    take_recent();
                }
            },
            sums_failure);
    }

    std::int64_t height() const override { return values_ / order(); }

    void take(const linalg::Rectangle& part, std::span<double> out) override {
        on_card(
            [&] {
                take_recent();
                const double* from = place_of(part);
                if (part.cols() < order()) {
                    double* const passing = passing_.at_least<double>(part.size()).data();
                    copy_rows(from, order(), passing, part.cols(), part);
                    from = passing;
                }
                lane_.download(std::as_writable_bytes(out), from);
            },
            sums_failure);
    }

    std::span<double> finished() override {
        return on_card(
            [&] {
                take_recent();
                recent_.release();
                passing_.release();
                return sums_.at_least<double>(values_);
            },
            sums_failure);
    }

    void put(const linalg::Rectangle& part, std::span<const double> values) override {
        on_card(
            [&] {
                calls_ = 0;
                recent_.release();
                if (part.cols() == order()) {
                    lane_.upload(place_of(part), std::as_bytes(values));
                } else {
                    double* const passing = passing_.at_least<double>(part.size()).data();
                    lane_.upload(passing, std::as_bytes(values));
                    copy_rows(passing, part.cols(), place_of(part), order(), part);
                }
            },
            sums_failure);
    }

  private:
    std::int64_t order() const { return sizes_.front(); }

    /// @param sum  of this part
    void add_part(std::size_t part, std::span<const std::span<const float>> vectors,
                  std::int64_t count, float* sum) {
        const std::int64_t size = sizes_[part];
        support::for_each_slab(std::int64_t{0}, size, kRowsAtATime,
                               [&](std::int64_t row, std::int64_t end) {
                                   const std::int64_t first = part == 0 ? row : 0;  // column
                                   lane_.add_products({.a = vectors[part].data() + row,
                                                       .a_stride = size,
                                                       .b = vectors[0].data() + first,
                                                       .b_stride = order(),
                                                       .tokens = count,
                                                       .rows = end - row,
                                                       .cols = order() - first,
                                                       .sum = sum + row * order() + first,
                                                       .sum_stride = order(),
                                                       .add_to_it = calls_ > 0},
                                                      precision_);
                               });
    }

    double* place_of(const linalg::Rectangle& part) {
        return sums_.at_least<double>(values_).data() + part.row_begin * order() + part.col_begin;
    }
    /// Each value as two of float32, which are moved, whatever they mean.
    void copy_rows(const double* from, std::int64_t from_stride, double* to, std::int64_t to_stride,
                   const linalg::Rectangle& part) {
        lane_.copy_rows({.from = reinterpret_cast<const float*>(from),
                         .from_stride = 2 * from_stride,
                         .to = reinterpret_cast<float*>(to),
                         .to_stride = 2 * to_stride,
                         .rows = part.rows(),
                         .width = 2 * part.cols()});
    }

    void take_recent() {
        if (calls_ > 0) {
            lane_.add_in_double(sums_.at_least<double>(values_).data(),
                                recent_.at_least(values_).data(), values_);
            calls_ = 0;
        }
    }

    card::ForwardLane& lane_;
    linalg::ForwardPrecision precision_;
    std::vector<std::int64_t> sizes_;  ///< of x and each y
    std::int64_t values_ = 0;          ///< of all sums
    int calls_ = 0;                    ///< whose products are in `recent_`
    linalg::FarBuffer recent_;
    linalg::FarBuffer sums_;     ///< but for those
    linalg::FarBuffer passing_;  ///< parts of them on their way
};

/// Collective: whether no rank's card refuses. Says why one does.
template <class Work>
bool all_can(const parallel::Communicator& ranks, const Work& work) {
    std::string refusal;
    int refused = ranks.size();
    try {
        work();
    } catch (const device::CardError& error) {
        refusal = error.what();
        refused = ranks.rank();
    }
    refused = ranks.min(refused);
    if (refused == ranks.size()) {
        return true;
    }
    support::log_info(
        fmt::format("sums of products of inputs go from card to card by way of the nodes: "
                    "rank {}: {}",
                    refused, ranks.broadcast_text(refusal, refused)));
    return false;
}

}  // namespace

std::unique_ptr<linalg::FarSums> CardFarMemory::make_sums(
    std::int64_t order, std::span<const std::int64_t> companions) {
    return std::make_unique<CardSums>(lane_, precision_, order, companions);
}

void CardFarMemory::add_up(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                           linalg::FarSums& own, std::int64_t order) {
    if (!forms_group(ranks)) {
        by_nodes_.add_up(ranks, nodes, own, order);
        return;
    }
    // Two steps: nobody waits in the group for a card that is lost.
    std::span<double> all;
    parallel::run_collectively(ranks, [&] { all = own.finished(); });
    parallel::run_collectively(
        ranks, [&] { on_card([&] { group_->sum(all.data(), std::ssize(all)); }, sums_failure); });
}

bool CardFarMemory::forms_group(const parallel::Communicator& ranks) {
    if (std::exchange(has_asked_, true)) {
        return group_ != nullptr;
    }
    // Two steps here, too.
    linalg::FarGroupKey key{};
    const bool formed =
        all_can(ranks, [&] { key = lane_.make_group_key(); }) && all_can(ranks, [&] {
            ranks.broadcast(std::span<std::byte>(key));
            group_ = lane_.join(key, ranks.rank(), ranks.size());
        });
    if (!formed) {
        group_.reset();
    }
    return formed;
}

std::span<const float> CardFarMemory::difference(linalg::FarRoom room, std::span<const float> one,
                                                 std::span<const float> other, float factor) {
    assert(one.size() == other.size());
    return on_card(
        [&] {
            const std::int64_t count = std::ssize(one);
            const auto out = rooms_[static_cast<std::size_t>(room)].at_least(count);
            lane_.subtract({one.data(), other.data(), out.data(), count, factor});
            return out;
        },
        sums_failure);
}

std::span<const float> CardFarMemory::gather(linalg::FarRoom room, std::span<const float> vectors,
                                             std::int64_t size,
                                             std::span<const std::int32_t> rows) {
    return on_card(
        [&] {
            const std::int64_t count = std::ssize(rows);
            const auto out = rooms_[static_cast<std::size_t>(room)].at_least(count * size);
            lane_.gather({.from = vectors.data(),
                          .indices = indices_.filled(rows).data(),
                          .to = out.data(),
                          .rows = count,
                          .width = size});
            return out;
        },
        sums_failure);
}

}  // namespace alphaprune::transformer

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "alphaprune/parallel/share.hpp"
#include "alphaprune/parallel/thread_pool.hpp"
#include "alphaprune/pruning/pruners.hpp"
#include "alphaprune/support/slabs.hpp"

namespace alphaprune::pruning {

/// Stored values seen as their magnitudes: without its sign, the bit pattern of a floating-point
/// number orders as its magnitude does. The bytes need not be aligned.
template <class Bits>
class Magnitudes {
  public:
    explicit Magnitudes(std::span<std::byte> stored) : stored_(stored) {}

    std::int64_t size() const { return static_cast<std::int64_t>(stored_.size() / sizeof(Bits)); }

    /// Calls use(magnitude, turn) for each of some, `turn` being 0 and 1 by turns.
    template <class Use>
    void for_each(parallel::RowRange some, Use use) const {
        const std::size_t begin = static_cast<std::size_t>(some.begin) * sizeof(Bits);
        const std::size_t end = static_cast<std::size_t>(some.end) * sizeof(Bits);
        const std::size_t pairs = begin + (end - begin) / (2 * sizeof(Bits)) * (2 * sizeof(Bits));
        for (std::size_t at = begin; at < pairs; at += 2 * sizeof(Bits)) {
            use(magnitude_at(at), 0);
            use(magnitude_at(at + sizeof(Bits)), 1);
        }
        if (pairs < end) {
            use(magnitude_at(pairs), 0);
        }
    }

    /// Zeroes all values of magnitudes below `limit` and the first `count` of those equal to it.
    void zero_up_to(const parallel::ThreadPool& threads, Bits limit, std::int64_t count) {
        const int shares = size() < kWorthSharing ? 1 : threads.size();
        const auto share_of = [&](std::int64_t share) {
            const auto range = parallel::share_of(size(), shares, static_cast<int>(share));
            return Magnitudes(
                stored_.subspan(static_cast<std::size_t>(range.begin) * sizeof(Bits),
                                static_cast<std::size_t>(range.size()) * sizeof(Bits)));
        };
        std::vector<std::int64_t> before(static_cast<std::size_t>(shares) + 1);
        if (shares > 1 && count > 0) {  // which of those equal to it are the first
            threads.run(shares, [&](std::int64_t share, int) {
                Magnitudes own = share_of(share);
                own.for_each_piece([&](Magnitudes piece) {
                    before[static_cast<std::size_t>(share) + 1] += piece.count_of(limit);
                });
            });
            std::partial_sum(before.begin(), before.end(), before.begin());
        }
        threads.run(shares, [&](std::int64_t share, int) {
            std::int64_t to_go = count - before[static_cast<std::size_t>(share)];
            share_of(share).for_each_piece([&](Magnitudes piece) {
                to_go -= to_go > 0 ? piece.zero_first(limit, to_go) : 0;
                piece.zero_where([&](Bits magnitude) { return magnitude < limit; });
            });
        });
    }

  private:
    static constexpr std::int64_t kWorthSharing = 16384;  ///< values, among threads

    template <class Use>
    void for_each_piece(Use use) const {
        constexpr std::size_t kPieceBytes = 8192 * sizeof(Bits);
        support::for_each_slab(std::size_t{0}, stored_.size(), kPieceBytes,
                               [&](std::size_t begin, std::size_t end) {
                                   use(Magnitudes(stored_.subspan(begin, end - begin)));
                               });
    }

    /// Zeroes the first values, `count` at most, of exactly this magnitude; returns how many.
    std::int64_t zero_first(Bits magnitude, std::int64_t count) {
        const std::int64_t found = count_of(magnitude);
        if (found <= count) {
            zero_where([&](Bits other) { return other == magnitude; });
            return found;
        }
        constexpr Bits kZero = 0;
        std::int64_t to_go = count;
        for (std::size_t at = 0; to_go > 0; at += sizeof(Bits)) {
            if (magnitude_at(at) == magnitude) {
                std::memcpy(stored_.data() + at, &kZero, sizeof(Bits));
                --to_go;
            }
        }
        return count;
    }

    std::int64_t count_of(Bits magnitude) const {
        Bits found = 0;  // as wide as the values, so that vector units do many at a time
        for (std::size_t at = 0; at < stored_.size(); at += sizeof(Bits)) {
            found = static_cast<Bits>(found + (magnitude_at(at) == magnitude ? 1 : 0));
        }
        return found;
    }

    template <class Goes>
    void zero_where(Goes goes) {
        for (std::size_t at = 0; at < stored_.size(); at += sizeof(Bits)) {
            const Bits kept = goes(magnitude_at(at)) ? Bits{0} : bits_at(at);
            std::memcpy(stored_.data() + at, &kept, sizeof(Bits));
        }
    }

    Bits bits_at(std::size_t at) const {
        Bits bits;
        std::memcpy(&bits, stored_.data() + at, sizeof(Bits));
        return bits;
    }
    Bits magnitude_at(std::size_t at) const {
        constexpr Bits kWithoutSign = std::numeric_limits<Bits>::max() >> 1;
        return bits_at(at) & kWithoutSign;
    }

    std::span<std::byte> stored_;
};

/// Zeroes the weights of smallest magnitude of one matrix distributed over the ranks, each
/// holding some consecutive values (rank order is row-major order; a rank may hold none).
/// The threshold is found exactly, from all-reduced histograms of bit patterns; the result does
/// not depend on how the matrix is spread. Collective. Values must be finite.
///
/// @param threads  of this rank, which share its values
/// @param values   this rank's stored values, changed in place
/// @param ratio    share to remove, in [0, 1]
/// @return zeros among this rank's values afterwards (those that were zero before included)
std::int64_t prune_magnitude(const parallel::Communicator& ranks,
                             const parallel::ThreadPool& threads, std::span<std::byte> values,
                             support::ScalarType type, double ratio, Ties ties);

}  // namespace alphaprune::pruning

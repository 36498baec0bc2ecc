#pragma once

// Vectors of a fixed number of lanes, by the compiler's own vector types. This header is compiled
// several times, for several instruction sets: everything in it has internal linkage, so that the
// linker cannot put one processor's code into the place of another's, and nothing of the standard
// library is used.

#include <cstdint>

namespace alphaprune::linalg::two_stage {
namespace {

template <class Real>
struct LaneIndex;
template <>
struct LaneIndex<double> {
    using type = std::int64_t;
};
template <>
struct LaneIndex<float> {
    using type = std::int32_t;
};

template <class Real, int Lanes>
struct Simd {
    static constexpr int kLanes = Lanes;
    typedef Real Vector __attribute__((vector_size(Lanes * sizeof(Real))));
    typedef Real Unaligned
        __attribute__((vector_size(Lanes * sizeof(Real)), aligned(alignof(Real)), may_alias));
    using Index = typename LaneIndex<Real>::type;
    typedef Index Mask __attribute__((vector_size(Lanes * sizeof(Index))));

    static Vector load(const Real* from) { return *reinterpret_cast<const Unaligned*>(from); }
    static void store(Real* to, Vector values) { *reinterpret_cast<Unaligned*>(to) = values; }
    static Vector all(Real value) { return value - Vector{}; }

    /// Lanes from `first` on: all ones; those before: zero.
    static Mask from_lane(int first) {
        Mask lane{};
        for (int i = 0; i < Lanes; ++i) {
            lane[i] = i;
        }
        return lane >= (Mask{} + static_cast<Index>(first));
    }

    /// Lane l is lane from[l] of the one vector followed by the other.
    static Vector pick(Vector one, Vector other, Mask from) {
#ifdef __clang__  // has no such function; its optimiser sees through the loop
        Vector picked{};
        for (int i = 0; i < Lanes; ++i) {
            picked[i] = from[i] < Lanes ? one[from[i]] : other[from[i] - Lanes];
        }
        return picked;
#else
        return __builtin_shuffle(one, other, from);
#endif
    }

    /// The sums of Lanes vectors, the l-th vector's in lane l: halves are folded onto each other,
    /// so that each step works on all vectors at once.
    template <int Granule = 1, int Count = Lanes>
    static Vector sums(const Vector* vectors) {
        if constexpr (Count == 1) {
            return vectors[0];
        } else {
            Mask low{};
            Mask high{};
            for (int i = 0; i < Lanes; ++i) {
                const int start = i / (2 * Granule) * (2 * Granule);
                const int within = i % (2 * Granule);
                const int source =
                    within < Granule ? start + within : Lanes + start + within - Granule;
                low[i] = source;
                high[i] = source + Granule;
            }
            Vector folded[Count / 2];
            for (int i = 0; i < Count / 2; ++i) {
                folded[i] = pick(vectors[2 * i], vectors[2 * i + 1], low) +
                            pick(vectors[2 * i], vectors[2 * i + 1], high);
            }
            return sums<2 * Granule, Count / 2>(folded);
        }
    }

    static Real sum(Vector values) {
        Real total = 0;
        for (int i = 0; i < Lanes; ++i) {
            total += values[i];
        }
        return total;
    }
};

}  // namespace
}  // namespace alphaprune::linalg::two_stage

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace alphaprune::parallel {

/// A group of ranks that communicate: an MPI communicator, owned (made by split or duplicate, freed
/// with the object) or only referred to (view in native_mpi.hpp). The collectives of a rank alone
/// do not enter MPI, so that several threads may call them on one group, and a process that needs
/// no MPI can do without it (alone).
class Communicator {
  public:
    /// This process by itself, MPI started or not.
    static Communicator alone();

    Communicator(Communicator&& other) noexcept;
    Communicator& operator=(Communicator&& other) noexcept;
    ~Communicator();

    /// Collective: ranks that give the same `color` form a new communicator, ordered by `key`.
    Communicator split(int color, int key) const;
    /// Collective: the ranks that share memory with this one.
    Communicator split_by_node() const;
    /// Collective: the same ranks in a communicator of their own.
    Communicator duplicate() const;

    int rank() const { return rank_; }
    int size() const { return size_; }
    bool is_root() const { return rank_ == 0; }

    void barrier() const;
    /// Ends the whole job at once, every rank of it, with this exit status.
    [[noreturn]] void abort(int status) const;

    /// Element-wise over the ranks; every rank has the result. All ranks give the same length.
    /// @tparam T  int, std::int64_t, std::uint64_t, float or double
    template <class T>
    void all_reduce_sum(std::span<T> values) const {
        all_reduce(values, Reduction::sum);
    }
    template <class T>
    void all_reduce_max(std::span<T> values) const {
        all_reduce(values, Reduction::max);
    }
    template <class T>
    void all_reduce_min(std::span<T> values) const {
        all_reduce(values, Reduction::min);
    }
    template <class T>
    T sum(T value) const {
        all_reduce(std::span(&value, 1), Reduction::sum);
        return value;
    }
    template <class T>
    T max(T value) const {
        all_reduce(std::span(&value, 1), Reduction::max);
        return value;
    }
    template <class T>
    T min(T value) const {
        all_reduce(std::span(&value, 1), Reduction::min);
        return value;
    }
    bool any(bool value) const { return max(value ? 1 : 0) != 0; }

    /// Sum of `value` over the ranks before this one; zero on rank 0.
    std::int64_t sum_before(std::int64_t value) const;

    /// `values` of rank `root` on every rank; all ranks give the same length.
    template <class T>
    void broadcast(std::span<T> values, int root = 0) const {
        broadcast_bytes(std::as_writable_bytes(values), root);
    }
    /// Text of any length; every rank returns root's.
    std::string broadcast_text(std::string text, int root = 0) const;

    /// One value per rank, in rank order, on every rank.
    template <class T>
    std::vector<T> all_gather(T value) const {
        static_assert(std::is_trivially_copyable_v<T>);
        std::vector<T> all(static_cast<std::size_t>(size_), value);
        all_gather_bytes(std::as_bytes(std::span(&value, 1)),
                         std::as_writable_bytes(std::span(all)));
        return all;
    }
    /// Texts of any length, in rank order, on every rank.
    std::vector<std::string> all_gather_texts(std::string_view text) const {
        return gather_in_rounds(text, Receivers::all);
    }
    /// Texts of any length, in rank order, on rank 0; empty elsewhere.
    std::vector<std::string> gather_texts(std::string_view text) const {
        return gather_in_rounds(text, Receivers::root);
    }

    /// How many values come from each rank, and where they are put, as in MPI_Allgatherv.
    struct Parts {
        std::vector<int> counts;  ///< one per rank
        std::vector<int> starts;  ///< in the array of values
        int total = 0;

        /// Of the next rank: they follow those of the rank before.
        void add(std::int64_t count) {
            counts.push_back(static_cast<int>(count));
            starts.push_back(total);
            total += static_cast<int>(count);
        }
    };

    /// Each rank's part of some bytes, in its place there, reaches all others. Collective.
    void all_gather_parts(std::span<std::byte> bytes, const Parts& parts) const;

    /// The MPI communicator and who frees it; see native_mpi.hpp.
    struct Native;
    /// Of MPI, for native_mpi.hpp; nullptr when this is `alone`.
    const Native* native_handle() const { return native_.get(); }
    /// Takes the handle over, for native_mpi.hpp.
    explicit Communicator(std::unique_ptr<Native> native);

  private:
    enum class Reduction { sum, max, min };
    enum class Receivers { all, root };

    Communicator();
    template <class T>
    void all_reduce(std::span<T> values, Reduction reduction) const;
    void broadcast_bytes(std::span<std::byte> bytes, int root) const;
    void all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) const;
    std::vector<std::string> gather_in_rounds(std::string_view text, Receivers receivers) const;

    std::unique_ptr<Native> native_;  ///< none: this process alone
    int rank_ = 0;
    int size_ = 1;
};

}  // namespace alphaprune::parallel

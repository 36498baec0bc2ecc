#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/parallel/mpi_call.hpp"

namespace alphaprune::parallel {

/// The MPI datatype of a C++ arithmetic type.
template <class T>
MPI_Datatype mpi_type();
template <>
inline MPI_Datatype mpi_type<std::byte>() {
    return MPI_BYTE;
}
template <>
inline MPI_Datatype mpi_type<char>() {
    return MPI_CHAR;
}
template <>
inline MPI_Datatype mpi_type<int>() {
    return MPI_INT;
}
template <>
inline MPI_Datatype mpi_type<std::int64_t>() {
    return MPI_INT64_T;
}
template <>
inline MPI_Datatype mpi_type<std::uint16_t>() {
    return MPI_UINT16_T;
}
template <>
inline MPI_Datatype mpi_type<std::uint32_t>() {
    return MPI_UINT32_T;
}
template <>
inline MPI_Datatype mpi_type<std::uint64_t>() {
    return MPI_UINT64_T;
}
template <>
inline MPI_Datatype mpi_type<float>() {
    return MPI_FLOAT;
}
template <>
inline MPI_Datatype mpi_type<double>() {
    return MPI_DOUBLE;
}

/// A group of ranks that talk to each other: an MPI communicator, owned (made by split or
/// duplicate, freed with the object) or only looked at (view). A rank alone talks to nobody: its
/// collectives do not enter MPI, so that several threads may call them on one group, and a process
/// that needs no MPI can do without it (alone).
class Communicator {
  public:
    /// Does not free `handle`; it must outlive the object. From now on errors of MPI on it, and on
    /// what is made from it, are thrown as Error (failure).
    static Communicator view(MPI_Comm handle);
    /// This process by itself, MPI started or not.
    static Communicator alone();

    Communicator(Communicator&& other) noexcept;
    Communicator& operator=(Communicator&& other) noexcept;
    Communicator(const Communicator&) = delete;
    Communicator& operator=(const Communicator&) = delete;
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
    /// For libraries that take a communicator (BLACS, ELPA); MPI_COMM_NULL when this is `alone`.
    MPI_Comm native() const { return handle_; }

    void barrier() const;
    /// Ends the whole job at once, every rank of it, with this exit status.
    [[noreturn]] void abort(int status) const;

    /// Element-wise over the ranks; every rank has the result. All ranks give the same length.
    template <class T>
    void all_reduce_sum(std::span<T> values) const {
        all_reduce(values, MPI_SUM);
    }
    template <class T>
    void all_reduce_max(std::span<T> values) const {
        all_reduce(values, MPI_MAX);
    }
    template <class T>
    void all_reduce_min(std::span<T> values) const {
        all_reduce(values, MPI_MIN);
    }
    template <class T>
    T sum(T value) const {
        all_reduce(std::span(&value, 1), MPI_SUM);
        return value;
    }
    template <class T>
    T max(T value) const {
        all_reduce(std::span(&value, 1), MPI_MAX);
        return value;
    }
    template <class T>
    T min(T value) const {
        all_reduce(std::span(&value, 1), MPI_MIN);
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

    /// One value a rank, in rank order, on every rank.
    template <class T>
    std::vector<T> all_gather(T value) const {
        std::vector<T> all(static_cast<std::size_t>(size_), value);
        if (size_ > 1) {
            check_mpi(
                MPI_Allgather(&value, 1, mpi_type<T>(), all.data(), 1, mpi_type<T>(), handle_),
                "MPI_Allgather");
        }
        return all;
    }
    /// Texts of any length, in rank order, on every rank.
    std::vector<std::string> all_gather_texts(std::string_view text) const;
    /// Texts of any length, in rank order, on rank 0; empty elsewhere.
    std::vector<std::string> gather_texts(std::string_view text) const;

  private:
    Communicator() = default;
    Communicator(MPI_Comm handle, bool owned);
    void release() noexcept;
    void broadcast_bytes(std::span<std::byte> bytes, int root) const;
    enum class Receivers { all, root };
    std::vector<std::string> gather_in_rounds(std::string_view text, Receivers receivers) const;

    template <class T>
    void all_reduce(std::span<T> values, MPI_Op operation) const {
        if (size_ == 1) {
            return;
        }
        constexpr std::size_t kPiece = std::size_t{1} << 26;  // counts are int in MPI 3
        for (std::size_t at = 0; at < values.size(); at += kPiece) {
            const auto part = values.subspan(at, std::min(kPiece, values.size() - at));
            check_mpi(MPI_Allreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()),
                                    mpi_type<T>(), operation, handle_),
                      "MPI_Allreduce");
        }
    }

    MPI_Comm handle_ = MPI_COMM_NULL;
    bool owned_ = false;
    int rank_ = 0;
    int size_ = 1;
};

}  // namespace alphaprune::parallel

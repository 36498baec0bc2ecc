#include "alphaprune/parallel/communicator.hpp"

#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

#include "alphaprune/parallel/native_mpi.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/slabs.hpp"
#include "gather_rounds.hpp"

namespace alphaprune::parallel {

struct Communicator::Native {
    MPI_Comm handle = MPI_COMM_NULL;
    bool owned = false;

    Native(MPI_Comm given, bool is_owned) : handle(given), owned(is_owned) {}
    Native(const Native&) = delete;
    Native& operator=(const Native&) = delete;
    ~Native() {
        if (owned) {
            static_cast<void>(MPI_Comm_free(&handle));
        }
    }
};

namespace {

const support::Failure<std::string_view, std::string_view> kMpiCall{
    "parallel.mpi-call", "the MPI call {} failed: {}",
    "MPI or the network between the nodes is in trouble",
    "look at the nodes, then start again with --resume"};

template <class T>
MPI_Datatype type_of() {
    return std::is_same_v<T, int>             ? MPI_INT
           : std::is_same_v<T, std::int64_t>  ? MPI_INT64_T
           : std::is_same_v<T, std::uint64_t> ? MPI_UINT64_T
           : std::is_same_v<T, float>         ? MPI_FLOAT
                                              : MPI_DOUBLE;
}

/// Appends to each rank's text its piece of a round.
void hand_out(const std::string& pieces, const Communicator::Parts& round,
              std::vector<std::string>& texts) {
    for (std::size_t rank = 0; rank < texts.size(); ++rank) {
        texts[rank].append(pieces, static_cast<std::size_t>(round.starts[rank]),
                           static_cast<std::size_t>(round.counts[rank]));
    }
}

std::mutex of_single_ranks;  ///< of which several threads may ask for communicators at once

/// The communicator that make(handle, &made) makes from some ranks.
template <class Make>
Communicator made_from(const Communicator& ranks, Make&& make) {
    if (ranks.native_handle() == nullptr) {
        return Communicator::alone();
    }
    std::unique_lock lock(of_single_ranks, std::defer_lock);
    if (ranks.size() == 1) {
        lock.lock();
    }
    MPI_Comm made = MPI_COMM_NULL;
    make(ranks.native_handle()->handle, &made);
    return Communicator(std::make_unique<Communicator::Native>(made, true));
}

}  // namespace

void check_mpi(int code, const char* call) {
    if (mpi_succeeded(code)) {
        return;
    }
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    if (!mpi_succeeded(MPI_Error_string(code, text.data(), &length))) {
        length = 0;
    }
    throw kMpiCall("", call, std::string_view(text.data(), static_cast<std::size_t>(length)));
}

Communicator view(MPI_Comm handle) {
    if (handle == MPI_COMM_NULL) {
        return Communicator::alone();
    }
    check_mpi(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    return Communicator(std::make_unique<Communicator::Native>(handle, false));
}

MPI_Comm native(const Communicator& ranks) {
    return ranks.native_handle() != nullptr ? ranks.native_handle()->handle : MPI_COMM_NULL;
}

Communicator::Communicator() = default;
Communicator::Communicator(std::unique_ptr<Native> native) : native_(std::move(native)) {
    check_mpi(MPI_Comm_rank(native_->handle, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(native_->handle, &size_), "MPI_Comm_size");
}
Communicator::Communicator(Communicator&& other) noexcept = default;
Communicator& Communicator::operator=(Communicator&& other) noexcept = default;
Communicator::~Communicator() = default;

Communicator Communicator::alone() {
    return {};
}

Communicator Communicator::split(int color, int key) const {
    return made_from(*this, [&](MPI_Comm handle, MPI_Comm* made) {
        check_mpi(MPI_Comm_split(handle, color, key, made), "MPI_Comm_split");
    });
}

Communicator Communicator::split_by_node() const {
    if (size_ == 1) {
        return duplicate();
    }
    return made_from(*this, [&](MPI_Comm handle, MPI_Comm* made) {
        check_mpi(MPI_Comm_split_type(handle, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, made),
                  "MPI_Comm_split_type");
    });
}

Communicator Communicator::duplicate() const {
    return made_from(*this, [](MPI_Comm handle, MPI_Comm* made) {
        check_mpi(MPI_Comm_dup(handle, made), "MPI_Comm_dup");
    });
}

void Communicator::barrier() const {
    if (size_ > 1) {
        check_mpi(MPI_Barrier(native_->handle), "MPI_Barrier");
    }
}

void Communicator::abort(int status) const {
    if (native_) {
        static_cast<void>(MPI_Abort(native_->handle, status));
    }
    ::_exit(status);
}

std::int64_t Communicator::sum_before(std::int64_t value) const {
    std::int64_t before = 0;
    if (size_ > 1) {
        check_mpi(MPI_Exscan(&value, &before, 1, MPI_INT64_T, MPI_SUM, native_->handle),
                  "MPI_Exscan");
    }
    return rank_ == 0 ? 0 : before;
}

template <class T>
void Communicator::all_reduce(std::span<T> values, Reduction reduction) const {
    if (size_ == 1) {
        return;
    }
    constexpr std::size_t kMost = std::size_t{1} << 26;  // counts are int in MPI 3
    const MPI_Op operation = reduction == Reduction::sum   ? MPI_SUM
                             : reduction == Reduction::max ? MPI_MAX
                                                           : MPI_MIN;
    support::for_each_slab(values.size(), kMost, [&](std::size_t begin, std::size_t end) {
        check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, static_cast<int>(end - begin),
                                type_of<T>(), operation, native_->handle),
                  "MPI_Allreduce");
    });
}

template void Communicator::all_reduce(std::span<int>, Reduction) const;
template void Communicator::all_reduce(std::span<std::int64_t>, Reduction) const;
template void Communicator::all_reduce(std::span<std::uint64_t>, Reduction) const;
template void Communicator::all_reduce(std::span<float>, Reduction) const;
template void Communicator::all_reduce(std::span<double>, Reduction) const;

void Communicator::broadcast_bytes(std::span<std::byte> bytes, int root) const {
    if (size_ == 1) {
        return;
    }
    constexpr std::size_t kMost = std::size_t{1} << 30;  // counts are int in MPI 3
    support::for_each_slab(bytes.size(), kMost, [&](std::size_t begin, std::size_t end) {
        check_mpi(MPI_Bcast(bytes.data() + begin, static_cast<int>(end - begin), MPI_BYTE, root,
                            native_->handle),
                  "MPI_Bcast");
    });
}

void Communicator::all_gather_bytes(std::span<const std::byte> mine,
                                    std::span<std::byte> all) const {
    if (size_ > 1) {
        const int count = static_cast<int>(mine.size());
        check_mpi(MPI_Allgather(mine.data(), count, MPI_BYTE, all.data(), count, MPI_BYTE,
                                native_->handle),
                  "MPI_Allgather");
    }
}

void Communicator::all_gather_parts(std::span<std::byte> bytes, const Parts& parts) const {
    if (size_ > 1) {
        check_mpi(
            MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, bytes.data(), parts.counts.data(),
                           parts.starts.data(), MPI_BYTE, native_->handle),
            "MPI_Allgatherv");
    }
}

std::string Communicator::broadcast_text(std::string text, int root) const {
    std::uint64_t length = text.size();
    broadcast(std::span(&length, 1), root);
    text.resize(length);
    broadcast_bytes(std::as_writable_bytes(std::span(text)), root);
    return text;
}

std::vector<std::string> Communicator::gather_in_rounds(std::string_view text,
                                                        Receivers receivers) const {
    if (size_ == 1) {
        return {std::string(text)};
    }
    const GatherRounds rounds(all_gather(static_cast<std::int64_t>(text.size())));
    const bool receives = receivers == Receivers::all || is_root();
    std::vector<std::string> texts(receives ? static_cast<std::size_t>(size_) : 0);
    for (std::int64_t number = 0; number < rounds.rounds(); ++number) {
        const Parts round = rounds.round(number);
        const int mine = round.counts[static_cast<std::size_t>(rank_)];
        const char* const piece = mine > 0 ? text.data() + rounds.offset(number) : nullptr;
        std::string pieces(receives ? static_cast<std::size_t>(round.total) : 0, '\0');
        if (receivers == Receivers::all) {
            check_mpi(MPI_Allgatherv(piece, mine, MPI_CHAR, pieces.data(), round.counts.data(),
                                     round.starts.data(), MPI_CHAR, native_->handle),
                      "MPI_Allgatherv");
        } else {
            check_mpi(MPI_Gatherv(piece, mine, MPI_CHAR, pieces.data(), round.counts.data(),
                                  round.starts.data(), MPI_CHAR, 0, native_->handle),
                      "MPI_Gatherv");
        }
        hand_out(pieces, round, texts);
    }
    return texts;
}

}  // namespace alphaprune::parallel

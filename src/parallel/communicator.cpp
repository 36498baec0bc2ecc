#include "alphaprune/parallel/communicator.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "gather_rounds.hpp"

namespace alphaprune::parallel {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 30;  // MPI 3 counts are int

/// Appends to each rank's text its piece of a round.
void hand_out(const std::string& pieces, const GatherRounds::Round& round,
              std::vector<std::string>& texts) {
    for (std::size_t rank = 0; rank < texts.size(); ++rank) {
        texts[rank].append(pieces, static_cast<std::size_t>(round.starts[rank]),
                           static_cast<std::size_t>(round.counts[rank]));
    }
}

/// A new communicator from one; of one rank, several threads may ask for one at once.
template <class Make>
MPI_Comm made_from(int size, Make&& make) {
    static std::mutex of_single_ranks;
    std::unique_lock lock(of_single_ranks, std::defer_lock);
    if (size == 1) {
        lock.lock();
    }
    MPI_Comm made = MPI_COMM_NULL;
    make(&made);
    return made;
}

}  // namespace

Communicator::Communicator(MPI_Comm handle, bool owned) : handle_(handle), owned_(owned) {
    check_mpi(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator Communicator::view(MPI_Comm handle) {
    if (handle == MPI_COMM_NULL) {
        return alone();
    }
    check_mpi(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    return {handle, false};
}

Communicator Communicator::alone() {
    return {};
}

Communicator::Communicator(Communicator&& other) noexcept
    : handle_(std::exchange(other.handle_, MPI_COMM_NULL)),
      owned_(std::exchange(other.owned_, false)),
      rank_(other.rank_),
      size_(other.size_) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
    if (this != &other) {
        release();
        handle_ = std::exchange(other.handle_, MPI_COMM_NULL);
        owned_ = std::exchange(other.owned_, false);
        rank_ = other.rank_;
        size_ = other.size_;
    }
    return *this;
}

Communicator::~Communicator() {
    release();
}

void Communicator::release() noexcept {
    if (owned_) {
        static_cast<void>(MPI_Comm_free(&handle_));
    }
}

Communicator Communicator::split(int color, int key) const {
    if (handle_ == MPI_COMM_NULL) {
        return alone();
    }
    return {made_from(size_,
                      [&](MPI_Comm* made) {
                          check_mpi(MPI_Comm_split(handle_, color, key, made), "MPI_Comm_split");
                      }),
            true};
}

Communicator Communicator::split_by_node() const {
    if (size_ == 1) {
        return duplicate();
    }
    MPI_Comm made = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(handle_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &made),
              "MPI_Comm_split_type");
    return {made, true};
}

Communicator Communicator::duplicate() const {
    if (handle_ == MPI_COMM_NULL) {
        return alone();
    }
    return {
        made_from(size_,
                  [&](MPI_Comm* made) { check_mpi(MPI_Comm_dup(handle_, made), "MPI_Comm_dup"); }),
        true};
}

void Communicator::barrier() const {
    if (size_ > 1) {
        check_mpi(MPI_Barrier(handle_), "MPI_Barrier");
    }
}

void Communicator::abort(int status) const {
    if (handle_ != MPI_COMM_NULL) {
        static_cast<void>(MPI_Abort(handle_, status));
    }
    ::_exit(status);
}

std::int64_t Communicator::sum_before(std::int64_t value) const {
    std::int64_t before = 0;
    if (size_ > 1) {
        check_mpi(MPI_Exscan(&value, &before, 1, MPI_INT64_T, MPI_SUM, handle_), "MPI_Exscan");
    }
    return rank_ == 0 ? 0 : before;
}

void Communicator::broadcast_bytes(std::span<std::byte> bytes, int root) const {
    if (size_ == 1) {
        return;
    }
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
        const auto part = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
        check_mpi(MPI_Bcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, handle_),
                  "MPI_Bcast");
    }
}

std::string Communicator::broadcast_text(std::string text, int root) const {
    std::uint64_t length = text.size();
    broadcast(std::span(&length, 1), root);
    text.resize(length);
    broadcast_bytes(std::as_writable_bytes(std::span(text)), root);
    return text;
}

std::vector<std::string> Communicator::all_gather_texts(std::string_view text) const {
    return gather_in_rounds(text, Receivers::all);
}

std::vector<std::string> Communicator::gather_texts(std::string_view text) const {
    return gather_in_rounds(text, Receivers::root);
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
        const GatherRounds::Round round = rounds.round(number);
        const int mine = round.counts[static_cast<std::size_t>(rank_)];
        const char* const piece = mine > 0 ? text.data() + rounds.offset(number) : nullptr;
        std::string pieces(receives ? static_cast<std::size_t>(round.total) : 0, '\0');
        if (receivers == Receivers::all) {
            check_mpi(MPI_Allgatherv(piece, mine, MPI_CHAR, pieces.data(), round.counts.data(),
                                     round.starts.data(), MPI_CHAR, handle_),
                      "MPI_Allgatherv");
        } else {
            check_mpi(MPI_Gatherv(piece, mine, MPI_CHAR, pieces.data(), round.counts.data(),
                                  round.starts.data(), MPI_CHAR, 0, handle_),
                      "MPI_Gatherv");
        }
        hand_out(pieces, round, texts);
    }
    return texts;
}

}  // namespace alphaprune::parallel

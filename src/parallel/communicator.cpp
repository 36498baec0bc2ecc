#include "alphaprune/parallel/communicator.hpp"

#include <cstdlib>
#include <utility>

namespace alphaprune {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 30;  // MPI 3 counts are int

std::vector<std::string> cut(const std::string& all, const std::vector<int>& lengths) {
    std::vector<std::string> texts;
    std::size_t at = 0;
    for (const int length : lengths) {
        texts.push_back(all.substr(at, static_cast<std::size_t>(length)));
        at += static_cast<std::size_t>(length);
    }
    return texts;
}

std::vector<int> starts_of(const std::vector<int>& lengths) {
    std::vector<int> starts;
    int at = 0;
    for (const int length : lengths) {
        starts.push_back(at);
        at += length;
    }
    starts.push_back(at);
    return starts;
}

}  // namespace

Communicator::Communicator(MPI_Comm handle, bool owned) : handle_(handle), owned_(owned) {
    MPI_Comm_rank(handle_, &rank_);
    MPI_Comm_size(handle_, &size_);
}

Communicator Communicator::view(MPI_Comm handle) {
    return {handle, false};
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
        MPI_Comm_free(&handle_);
    }
}

Communicator Communicator::split(int color, int key) const {
    MPI_Comm made = MPI_COMM_NULL;
    MPI_Comm_split(handle_, color, key, &made);
    return {made, true};
}

Communicator Communicator::split_by_node() const {
    MPI_Comm made = MPI_COMM_NULL;
    MPI_Comm_split_type(handle_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &made);
    return {made, true};
}

Communicator Communicator::duplicate() const {
    MPI_Comm made = MPI_COMM_NULL;
    MPI_Comm_dup(handle_, &made);
    return {made, true};
}

void Communicator::barrier() const {
    if (size_ > 1) {
        MPI_Barrier(handle_);
    }
}

void Communicator::abort(int status) const {
    MPI_Abort(handle_, status);
    std::abort();
}

std::int64_t Communicator::sum_before(std::int64_t value) const {
    std::int64_t before = 0;
    MPI_Exscan(&value, &before, 1, MPI_INT64_T, MPI_SUM, handle_);
    return rank_ == 0 ? 0 : before;
}

void Communicator::broadcast_bytes(std::span<std::byte> bytes, int root) const {
    if (size_ == 1) {
        return;
    }
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
        const auto part = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
        MPI_Bcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, root, handle_);
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
    const std::vector<int> lengths = all_gather(static_cast<int>(text.size()));
    const std::vector<int> starts = starts_of(lengths);
    std::string all(static_cast<std::size_t>(starts.back()), '\0');
    MPI_Allgatherv(text.data(), static_cast<int>(text.size()), MPI_CHAR, all.data(), lengths.data(),
                   starts.data(), MPI_CHAR, handle_);
    return cut(all, lengths);
}

std::vector<std::string> Communicator::gather_texts(std::string_view text) const {
    const std::vector<int> lengths = all_gather(static_cast<int>(text.size()));
    const std::vector<int> starts = starts_of(lengths);
    std::string all(is_root() ? static_cast<std::size_t>(starts.back()) : 0, '\0');
    MPI_Gatherv(text.data(), static_cast<int>(text.size()), MPI_CHAR, all.data(), lengths.data(),
                starts.data(), MPI_CHAR, 0, handle_);
    return is_root() ? cut(all, lengths) : std::vector<std::string>{};
}

}  // namespace alphaprune

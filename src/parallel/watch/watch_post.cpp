#include "watch_post.hpp"

#include <algorithm>
#include <utility>

namespace alphaprune::parallel {

WatchPost::WatchPost(const Communicator& ranks) : ranks_(ranks.duplicate()) {}

void WatchPost::send(int to, Word word, std::string text) {
    Outgoing& letter = outgoing_.emplace_back();
    letter.to = to;
    letter.text = std::move(text);
    // Synchronous: complete only when the other watch takes it. So a rank that takes nothing gets
    // no second letter, and none is left behind at the end.
    if (!mpi_succeeded(MPI_Issend(letter.text.data(), static_cast<int>(letter.text.size()),
                                  MPI_CHAR, to, static_cast<int>(word), ranks_.native(),
                                  &letter.request))) {
        outgoing_.pop_back();
    }
}

void WatchPost::forget_delivered() {
    std::erase_if(outgoing_, [](Outgoing& letter) {
        int delivered = 0;
        return !mpi_succeeded(MPI_Test(&letter.request, &delivered, MPI_STATUS_IGNORE)) ||
               delivered != 0;
    });
}

bool WatchPost::is_under_way(int to) {
    forget_delivered();
    return std::any_of(outgoing_.begin(), outgoing_.end(),
                       [to](const Outgoing& letter) { return letter.to == to; });
}

bool WatchPost::nothing_under_way() {
    forget_delivered();
    return outgoing_.empty();
}

std::optional<WatchPost::Letter> WatchPost::receive() {
    int arrived = 0;
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status;
    if (!mpi_succeeded(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks_.native(), &arrived, &message,
                                   &status)) ||
        arrived == 0) {
        return std::nullopt;
    }
    int length = 0;
    if (!mpi_succeeded(MPI_Get_count(&status, MPI_CHAR, &length))) {
        return std::nullopt;
    }
    Letter letter{status.MPI_SOURCE, static_cast<Word>(status.MPI_TAG),
                  std::string(static_cast<std::size_t>(length), '\0')};
    if (!mpi_succeeded(
            MPI_Mrecv(letter.text.data(), length, MPI_CHAR, &message, MPI_STATUS_IGNORE))) {
        return std::nullopt;
    }
    return letter;
}

void WatchPost::enter_barrier() {
    if (!mpi_succeeded(MPI_Ibarrier(ranks_.native(), &barrier_))) {
        barrier_ = MPI_REQUEST_NULL;  // MPI has failed: there is nobody to wait for
    }
}

bool WatchPost::all_have_entered() {
    int passed = 0;
    return mpi_succeeded(MPI_Test(&barrier_, &passed, MPI_STATUS_IGNORE)) && passed != 0;
}

}  // namespace alphaprune::parallel

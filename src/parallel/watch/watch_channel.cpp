#include "watch_channel.hpp"

#include <algorithm>
#include <utility>

namespace alphaprune::parallel {

WatchChannel::WatchChannel(const Communicator& ranks) : ranks_(ranks.duplicate()) {}

void WatchChannel::send(int to, WatchMessage kind, std::string text) {
    Outgoing& message = outgoing_.emplace_back();
    message.to = to;
    message.text = std::move(text);
    // Synchronous: complete only when the other watch receives it. So a rank that receives nothing
    // gets no second message, and none is left behind at the end.
    if (!mpi_succeeded(MPI_Issend(message.text.data(), static_cast<int>(message.text.size()),
                                  MPI_CHAR, to, static_cast<int>(kind), native(ranks_),
                                  &message.request))) {
        outgoing_.pop_back();
    }
}

void WatchChannel::remove_delivered() {
    std::erase_if(outgoing_, [](Outgoing& message) {
        int delivered = 0;
        return !mpi_succeeded(MPI_Test(&message.request, &delivered, MPI_STATUS_IGNORE)) ||
               delivered != 0;
    });
}

bool WatchChannel::is_in_flight(int to) {
    remove_delivered();
    return std::any_of(outgoing_.begin(), outgoing_.end(),
                       [to](const Outgoing& message) { return message.to == to; });
}

bool WatchChannel::nothing_in_flight() {
    remove_delivered();
    return outgoing_.empty();
}

std::optional<WatchChannel::Incoming> WatchChannel::receive() {
    int arrived = 0;
    MPI_Message matched = MPI_MESSAGE_NULL;
    MPI_Status status;
    if (!mpi_succeeded(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, native(ranks_), &arrived, &matched,
                                   &status)) ||
        arrived == 0) {
        return std::nullopt;
    }
    int length = 0;
    if (!mpi_succeeded(MPI_Get_count(&status, MPI_CHAR, &length))) {
        return std::nullopt;
    }
    Incoming message{status.MPI_SOURCE, static_cast<WatchMessage>(status.MPI_TAG),
                     std::string(static_cast<std::size_t>(length), '\0')};
    if (!mpi_succeeded(
            MPI_Mrecv(message.text.data(), length, MPI_CHAR, &matched, MPI_STATUS_IGNORE))) {
        return std::nullopt;
    }
    return message;
}

void WatchChannel::enter_barrier() {
    if (!mpi_succeeded(MPI_Ibarrier(native(ranks_), &barrier_))) {
        barrier_ = MPI_REQUEST_NULL;  // MPI has failed: there is nobody to wait for
    }
}

bool WatchChannel::all_have_entered() {
    int passed = 0;
    return mpi_succeeded(MPI_Test(&barrier_, &passed, MPI_STATUS_IGNORE)) && passed != 0;
}

}  // namespace alphaprune::parallel

#include "alphaprune/parallel/mailbox.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "alphaprune/parallel/native_mpi.hpp"

namespace alphaprune::parallel {

struct Mailbox::Letter {
    std::vector<double> text;  ///< the subject, then the values
    MPI_Request request = MPI_REQUEST_NULL;
};

Mailbox::Mailbox(const Communicator& ranks, Receiver receiver)
    : ranks_(ranks.duplicate()), receiver_(std::move(receiver)) {}

Mailbox::~Mailbox() = default;

void Mailbox::post(int to, std::int64_t subject, std::span<const double> values) {
    if (to == ranks_.rank()) {
        receiver_(subject, values);
        return;
    }
    Letter& letter = outgoing_.emplace_back();
    letter.text.reserve(values.size() + 1);
    letter.text.push_back(static_cast<double>(subject));
    letter.text.insert(letter.text.end(), values.begin(), values.end());
    // Synchronous: the request is complete only when the letter is being received, which is what
    // finish() has to know.
    check_mpi(MPI_Issend(letter.text.data(), static_cast<int>(letter.text.size()), MPI_DOUBLE, to,
                         0, native(ranks_), &letter.request),
              "MPI_Issend");
}

void Mailbox::collect() {
    while (ranks_.size() > 1) {
        int arrived = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(MPI_Improbe(MPI_ANY_SOURCE, 0, native(ranks_), &arrived, &message, &status),
                  "MPI_Improbe");
        if (arrived == 0) {
            break;
        }
        int length = 0;
        check_mpi(MPI_Get_count(&status, MPI_DOUBLE, &length), "MPI_Get_count");
        incoming_.resize(static_cast<std::size_t>(length));
        check_mpi(MPI_Mrecv(incoming_.data(), length, MPI_DOUBLE, &message, MPI_STATUS_IGNORE),
                  "MPI_Mrecv");
        receiver_(static_cast<std::int64_t>(incoming_.front()), std::span(incoming_).subspan(1));
    }
    forget_delivered();
}

void Mailbox::forget_delivered() {
    std::erase_if(outgoing_, [](Letter& letter) {
        int delivered = 0;
        check_mpi(MPI_Test(&letter.request, &delivered, MPI_STATUS_IGNORE), "MPI_Test");
        return delivered != 0;
    });
}

void Mailbox::finish() {
    // A rank enters the barrier when all its letters are being received; once all are inside,
    // nothing is in flight any more (Hoefler, Siebert and Lumsdaine 2010).
    MPI_Request barrier = MPI_REQUEST_NULL;
    bool inside = false;
    for (int passed = ranks_.size() == 1 ? 1 : 0; passed == 0;) {
        collect();
        if (inside) {
            check_mpi(MPI_Test(&barrier, &passed, MPI_STATUS_IGNORE), "MPI_Test");
        } else if (outgoing_.empty()) {
            check_mpi(MPI_Ibarrier(native(ranks_), &barrier), "MPI_Ibarrier");
            inside = true;
        }
        if (passed == 0) {
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    }
}

}  // namespace alphaprune::parallel

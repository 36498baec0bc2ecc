#include "job_end.hpp"

#include <unistd.h>

#include <system_error>
#include <thread>
#include <utility>

#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/log.hpp"
#include "launcher.hpp"

namespace alphaprune::parallel {

static void visit_fields(auto& bytes, support::FieldsOf<FinalReport> auto& report) {
    bytes(report.status, report.launchers, report.text);
}

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// For messages to leave before the abort.
constexpr milliseconds kFlushTime{100};
/// How long a reporter may take to answer. Longer than mpirun takes to end all ranks after one of
/// them has aborted the job: that one is dead, too, and a rank that has not heard of the abort must
/// not report it.
constexpr milliseconds kReplyTimeout{2000};
/// What launchers need at most to end a job that was aborted.
constexpr seconds kAbortTimeout{5};

void exit_soon(support::ExitStatus status) {
    try {
        std::thread([status] {
            std::this_thread::sleep_for(seconds(3));
            ::_exit(static_cast<int>(status));
        }).detach();
    } catch (const std::system_error&) {  // no memory for a thread: MPI_Abort alone has to do
    }
}

template <class T>
std::string packed(const T& value) {
    support::ByteWriter bytes;
    bytes(value);
    return bytes.take();
}

}  // namespace

void JobExit::report(const std::string& text) {
    if (!reported_.exchange(true)) {
        support::write_to_stderr(text);
    }
}

void JobExit::leave(support::ExitStatus status) const {
    ::_exit(static_cast<int>(status));
}

void JobExit::abort(support::ExitStatus status, EndLauncher launchers) {
    if (!aborted_.exchange(true)) {
        const auto launcher = find_launcher();
        if (launcher && (launchers == EndLauncher::any ||
                         (launchers == EndLauncher::mpirun && launcher->is_mpirun))) {
            end_launcher_later(*launcher);
        }
        exit_soon(status);
        ranks_.abort(static_cast<int>(status));
    }
    for (;;) {  // another thread of this process is doing it
        std::this_thread::sleep_for(seconds(1));
    }
}

EndProtocol::EndProtocol(WatchChannel& channel, JobExit& job, int rank, std::vector<int> neighbors)
    : channel_(channel), job_(job), rank_(rank), neighbors_(std::move(neighbors)) {}

void EndProtocol::begin(FinalReport report, std::deque<int> reporters) {
    if (begun_) {
        return;
    }
    begun_ = true;
    report_ = std::move(report);
    reporters_ = std::move(reporters);
    ask_next();
}

void EndProtocol::ask_next() {
    if (reporters_.empty() || reporters_.front() == rank_) {
        report();
        return;
    }
    channel_.send(reporters_.front(), WatchMessage::final_report, packed(report_));
    reporters_.pop_front();
    act_at_ = Clock::now() + kReplyTimeout;
}

void EndProtocol::receive(const WatchChannel::Incoming& message) {
    switch (message.kind) {
        case WatchMessage::final_report:
            if (!begun_) {
                begun_ = true;
                report_ = support::ByteReader(message.text).get<FinalReport>();
            }
            if (!reported_) {
                report();
            }
            channel_.send(message.from, WatchMessage::acknowledgement);
            break;
        case WatchMessage::acknowledgement:
            wait_for_abort(message.from);
            break;
        case WatchMessage::ending:
            report_.status = support::ByteReader(message.text).get<support::ExitStatus>();
            wait_for_abort(message.from);
            break;
        case WatchMessage::heartbeat:
        case WatchMessage::stop:
            break;
    }
}

void EndProtocol::report() {
    job_.report(report_.text);
    reported_ = true;
    spread(rank_);
    act_at_ = Clock::now() + kFlushTime;
}

void EndProtocol::spread(int except) {
    for (const int neighbor : neighbors_) {
        if (neighbor != except) {
            channel_.send(neighbor, WatchMessage::ending, packed(report_.status));
        }
    }
}

void EndProtocol::wait_for_abort(int told_by) {
    if (reported_) {
        return;
    }
    begun_ = true;
    reported_ = true;
    job_.be_silent();
    spread(told_by);
    report_.launchers = EndLauncher::any;
    act_at_ = Clock::now() + (all_leave() ? Clock::duration(kFlushTime) : kAbortTimeout);
}

void EndProtocol::proceed() {
    if (Clock::now() < act_at_) {
        return;
    }
    if (!reported_) {
        ask_next();
    } else if (all_leave()) {
        job_.leave(report_.status);
    } else {
        job_.abort(report_.status, report_.launchers);
    }
}

}  // namespace alphaprune::parallel

#include "alphaprune/parallel/job_watch.hpp"

#include "watch.hpp"

namespace alphaprune::parallel {

struct JobWatch::State {
    Watch watch;
};

JobWatch::JobWatch(const Communicator& world, const WatchOptions& options)
    : state_(new State{Watch(world, options)}) {}

JobWatch::~JobWatch() {
    state_->watch.leave();
}

void JobWatch::look_for_stop_file(const std::filesystem::path& file) {
    state_->watch.look_for(file);
}

void JobWatch::end_job(const std::string& text, support::ExitStatus status) {
    state_->watch.end_job(text, status);
}

}  // namespace alphaprune::parallel

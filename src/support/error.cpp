#include "alphaprune/support/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "alphaprune/support/log.hpp"
#include "alphaprune/support/message.hpp"

namespace alphaprune::support {
namespace {

const Failure<> kOutOfMemory{
    "support.out-of-memory", "out of memory",
    "what the system, the control group or a limit (ulimit -v) leaves to this process is used up",
    "use fewer ranks on each node, or more nodes, and start again with --resume"};

std::string all_text(const std::vector<Fault>& faults) {
    std::string text;
    for (const Fault& fault : faults) {
        text += to_text(fault);
    }
    return text;
}

}  // namespace

int severity_of(ExitStatus status) {
    return static_cast<int>(std::ranges::find(kBySeverity, status) - kBySeverity.begin());
}

Error::Error(ExitStatus status, std::vector<Fault> faults)
    : status_(status), faults_(std::move(faults)), text_(all_text(faults_)) {}

Error& Error::mark_agreed() {
    agreed_ = true;
    return *this;
}

Error out_of_memory() {
    return kOutOfMemory("");
}

std::string to_text(const Fault& fault) {
    std::string text = fmt::format("error: {}\n", fault.what);
    const auto add = [&](std::string_view label, std::string_view before,
                         const std::string& value) {
        if (!value.empty()) {
            text += fmt::format("  {:<8}{}{}\n", label, before, value);
        }
    };
    add("where:", "", fault.where);
    add("rank:", "", fault.rank);
    add("remedy:", "", fault.remedy);
    add("more:", "alphaprune_mpi help errors ", fault.message);
    return without_control_characters(text);
}

void FaultList::add(const Error& error) {
    const bool more_severe = severity_of(error.status()) > severity_of(status_);
    if (more_severe && status_ == ExitStatus::stopped) {
        faults_.clear();
    }
    if (more_severe || error.status() != ExitStatus::stopped || status_ == ExitStatus::stopped) {
        faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
    }
    status_ = more_severe ? error.status() : status_;
}

std::optional<Error> FaultList::error() const {
    return faults_.empty() ? std::nullopt : std::optional(Error(status_, faults_));
}

void FaultList::throw_if_any() const {
    if (const auto all = error()) {
        throw *all;
    }
}

}  // namespace alphaprune::support

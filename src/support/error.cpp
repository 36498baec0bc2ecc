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

std::string& rank_name() {
    static std::string name;
    return name;
}

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

void set_rank_name(std::string name) {
    rank_name() = std::move(name);
}

Error::Error(ExitStatus status, std::vector<Fault> faults)
    : status_(status), faults_(std::move(faults)), text_(all_text(faults_)) {}

Error& Error::mark_agreed() {
    agreed_ = true;
    return *this;
}

Error& Error::name_message(std::string_view id) {
    for (Fault& fault : faults_) {
        fault.message = id;
    }
    text_ = all_text(faults_);
    return *this;
}

Error bad_request(std::string what, std::string where, std::string remedy) {
    return {ExitStatus::bad_request, {{std::move(what), std::move(where), std::move(remedy)}}};
}

Error failure(std::string what, std::string where, std::string remedy) {
    return {ExitStatus::failed,
            {{std::move(what), std::move(where), std::move(remedy), rank_name()}}};
}

Error out_of_memory() {
    return kOutOfMemory("");
}

std::string to_text(const Fault& fault) {
    std::string text = fmt::format("error: {}\n", fault.what);
    if (!fault.where.empty()) {
        text += fmt::format("  where:  {}\n", fault.where);
    }
    if (!fault.rank.empty()) {
        text += fmt::format("  rank:   {}\n", fault.rank);
    }
    if (!fault.remedy.empty()) {
        text += fmt::format("  remedy: {}\n", fault.remedy);
    }
    if (!fault.message.empty()) {
        text += fmt::format("  more:   alphaprune_mpi help errors {}\n", fault.message);
    }
    return without_control_characters(text);
}

void FaultList::add(std::string what, std::string where, std::string remedy) {
    add(bad_request(std::move(what), std::move(where), std::move(remedy)));
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

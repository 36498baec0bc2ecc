#include "alphaprune/support/error.hpp"

#include <fmt/format.h>

#include <utility>

#include "alphaprune/support/control_characters.hpp"

namespace alphaprune {
namespace {

std::string& rank_name() {
    static std::string name;
    return name;
}

}  // namespace

void name_this_rank(std::string name) {
    rank_name() = std::move(name);
}

Error::Error(ExitStatus status, std::vector<Fault> faults)
    : status_(status), faults_(std::move(faults)) {
    for (const Fault& fault : faults_) {
        text_ += to_text(fault);
    }
}

Error& Error::mark_agreed() {
    agreed_ = true;
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
    return failure("out of memory", "",
                   "use fewer ranks on each node, or more nodes, and start again with --resume");
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
    return without_control_characters(text);
}

void FaultList::add(std::string what, std::string where, std::string remedy) {
    faults_.push_back({std::move(what), std::move(where), std::move(remedy)});
}

void FaultList::add(const Error& error) {
    faults_.insert(faults_.end(), error.faults().begin(), error.faults().end());
}

void FaultList::throw_if_any() const {
    if (!faults_.empty()) {
        throw Error(ExitStatus::bad_request, faults_);
    }
}

}  // namespace alphaprune

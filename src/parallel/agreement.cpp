#include "alphaprune/parallel/agreement.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "alphaprune/support/stop.hpp"

namespace alphaprune {
namespace {

constexpr char kEnd = '\x1f';  // closes a field; never part of a message

std::string packed(const std::optional<Error>& error) {
    std::string text;
    if (error) {
        for (const Fault& fault : error->faults()) {
            text += fault.what + kEnd + fault.where + kEnd + fault.remedy + kEnd;
        }
    }
    return text;
}

std::string next_field(const std::string& text, std::size_t& at) {
    const std::size_t end = text.find(kEnd, at);
    std::string field = text.substr(at, end - at);
    at = end + 1;
    return field;
}

void unpack_into(std::vector<Fault>& faults, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        Fault fault;
        fault.what = next_field(text, at);
        fault.where = next_field(text, at);
        fault.remedy = next_field(text, at);
        if (std::ranges::find(faults, fault) == faults.end()) {
            faults.push_back(std::move(fault));
        }
    }
}

/// What matters more comes later: a rank that stops on request must not hide another's failure.
constexpr std::array kBySeverity{ExitStatus::done, ExitStatus::stopped, ExitStatus::failed,
                                 ExitStatus::bad_request};

int severity_of(const std::optional<Error>& error) {
    const ExitStatus status = error ? error->status() : ExitStatus::done;
    return static_cast<int>(std::ranges::find(kBySeverity, status) - kBySeverity.begin());
}

}  // namespace

void agree(const Communicator& ranks, const std::optional<Error>& mine) {
    const int most = ranks.max(severity_of(mine));
    const ExitStatus status = kBySeverity[static_cast<std::size_t>(most)];
    if (status == ExitStatus::done) {
        return;
    }
    const bool hidden = mine && mine->status() == ExitStatus::stopped && status != mine->status();
    std::vector<Fault> faults;
    for (const std::string& text : ranks.all_gather_texts(hidden ? "" : packed(mine))) {
        unpack_into(faults, text);
    }
    Error common(status, std::move(faults));
    throw common.mark_agreed();
}

void check_stop_together(const Communicator& ranks) {
    if (ranks.any(stop_requested())) {
        throw stop_error().mark_agreed();
    }
}

}  // namespace alphaprune

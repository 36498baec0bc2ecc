#include "alphaprune/parallel/agreement.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace

void agree(const Communicator& ranks, const std::optional<Error>& mine) {
    const int status = ranks.max(mine ? static_cast<int>(mine->status()) : 0);
    if (status == 0) {
        return;
    }
    std::vector<Fault> faults;
    for (const std::string& text : ranks.all_gather_texts(packed(mine))) {
        unpack_into(faults, text);
    }
    Error common(static_cast<ExitStatus>(status), std::move(faults));
    throw common.mark_agreed();
}

}  // namespace alphaprune

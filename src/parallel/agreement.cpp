#include "alphaprune/parallel/agreement.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "alphaprune/support/bytes.hpp"
#include "alphaprune/support/file_system.hpp"
#include "alphaprune/support/message.hpp"
#include "alphaprune/support/stop.hpp"

namespace alphaprune::support {

static void visit_fields(auto& bytes, FieldsOf<Fault> auto& fault) {
    bytes(fault.what, fault.where, fault.remedy, fault.rank, fault.message);
}

}  // namespace alphaprune::support

namespace alphaprune::parallel {
namespace {

const support::Failure<> kNotSeen{
    "parallel.file-not-seen", "this rank does not see the file that rank 0 has just made",
    "the output lies on a file system that this rank's node does not share with rank 0's",
    "choose an --output on a file system that all nodes share"};

std::string without_digits(std::string text) {
    std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    return text;
}

/// What happens to a rank often happens to others too, at other bytes and rows: it is told once.
bool are_the_same(const support::Fault& one, const support::Fault& other) {
    const bool of_ranks = !one.rank.empty() && !other.rank.empty();
    return one.remedy == other.remedy &&
           (of_ranks ? without_digits(one.what) == without_digits(other.what)
                     : one.what == other.what && one.where == other.where);
}

/// The faults of all ranks, each different one once, with how many ranks have met it.
std::vector<support::Fault> merged(const std::vector<std::string>& of_ranks) {
    std::vector<support::Fault> faults;
    std::vector<int> others;
    for (const std::string& text : of_ranks) {
        for (support::Fault& fault : support::ByteReader(text).get<std::vector<support::Fault>>()) {
            const auto same = std::ranges::find_if(
                faults, [&](const support::Fault& other) { return are_the_same(other, fault); });
            if (same != faults.end()) {
                ++others[static_cast<std::size_t>(same - faults.begin())];
            } else {
                faults.push_back(std::move(fault));
                others.push_back(0);
            }
        }
    }
    for (std::size_t f = 0; f < faults.size(); ++f) {
        if (!faults[f].rank.empty() && others[f] > 0) {
            faults[f].rank += ", and " + std::to_string(others[f]) +
                              (others[f] == 1 ? " more rank" : " more ranks");
        }
    }
    return faults;
}

}  // namespace

/// The most severe status counts: a rank that stops on request must not hide another's failure.
void agree(const Communicator& ranks, const std::optional<support::Error>& mine) {
    const int most =
        ranks.max(support::severity_of(mine ? mine->status() : support::ExitStatus::done));
    const support::ExitStatus status = support::kBySeverity[static_cast<std::size_t>(most)];
    if (status == support::ExitStatus::done) {
        return;
    }
    const bool hidden =
        mine && mine->status() == support::ExitStatus::stopped && status != mine->status();
    support::ByteWriter faults;
    faults(mine && !hidden ? mine->faults() : std::vector<support::Fault>());
    support::Error common(status, merged(ranks.all_gather_texts(faults.take())));
    throw common.mark_agreed();
}

void check_stop_collectively(const Communicator& ranks) {
    if (ranks.any(support::stop_requested())) {
        throw support::stop_error().mark_agreed();
    }
}

void require_common_files(const Communicator& ranks, std::span<const std::filesystem::path> files) {
    run_collectively(ranks, [&] {
        for (const std::filesystem::path& file : files) {
            if (!std::filesystem::exists(support::link_status_of(file))) {
                throw kNotSeen(file.string());
            }
        }
    });
}

}  // namespace alphaprune::parallel

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

std::string packed(const std::optional<support::Error>& error) {
    support::ByteWriter bytes;
    bytes(error ? error->faults() : std::vector<support::Fault>());
    return bytes.take();
}

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
class FaultsOfRanks {
  public:
    void add(const std::string& text) {
        for (support::Fault& fault : support::ByteReader(text).get<std::vector<support::Fault>>()) {
            add(std::move(fault));
        }
    }

    std::vector<support::Fault> take() {
        for (std::size_t f = 0; f < faults_.size(); ++f) {
            if (!faults_[f].rank.empty() && others_[f] > 0) {
                faults_[f].rank += ", and " + std::to_string(others_[f]) +
                                   (others_[f] == 1 ? " more rank" : " more ranks");
            }
        }
        return std::move(faults_);
    }

  private:
    void add(support::Fault fault) {
        const auto same = std::ranges::find_if(
            faults_, [&](const support::Fault& other) { return are_the_same(other, fault); });
        if (same != faults_.end()) {
            ++others_[static_cast<std::size_t>(same - faults_.begin())];
            return;
        }
        faults_.push_back(std::move(fault));
        others_.push_back(0);
    }

    std::vector<support::Fault> faults_;
    std::vector<int> others_;
};

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
    FaultsOfRanks faults;
    for (const std::string& text : ranks.all_gather_texts(packed(hidden ? std::nullopt : mine))) {
        faults.add(text);
    }
    support::Error common(status, faults.take());
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

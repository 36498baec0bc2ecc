#include "alphaprune/parallel/agreement.hpp"

#include <algorithm>
#include <array>
#include <cctype>
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
            text +=
                fault.what + kEnd + fault.where + kEnd + fault.remedy + kEnd + fault.rank + kEnd;
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

std::string without_digits(std::string text) {
    std::erase_if(text, [](unsigned char c) { return std::isdigit(c) != 0; });
    return text;
}

/// What happens to a rank often happens to others too, at other bytes and rows: it is told once.
bool are_the_same(const Fault& one, const Fault& other) {
    const bool of_ranks = !one.rank.empty() && !other.rank.empty();
    return one.remedy == other.remedy &&
           (of_ranks ? without_digits(one.what) == without_digits(other.what)
                     : one.what == other.what && one.where == other.where);
}

/// The faults of all ranks, each different one once, with how many ranks have met it.
class FaultsOfRanks {
  public:
    void add(const std::string& text) {
        for (std::size_t at = 0; at < text.size();) {
            Fault fault;
            fault.what = next_field(text, at);
            fault.where = next_field(text, at);
            fault.remedy = next_field(text, at);
            fault.rank = next_field(text, at);
            add(std::move(fault));
        }
    }

    std::vector<Fault> take() {
        for (std::size_t f = 0; f < faults_.size(); ++f) {
            if (!faults_[f].rank.empty() && others_[f] > 0) {
                faults_[f].rank += ", and " + std::to_string(others_[f]) +
                                   (others_[f] == 1 ? " more rank" : " more ranks");
            }
        }
        return std::move(faults_);
    }

  private:
    void add(Fault fault) {
        const auto same = std::ranges::find_if(
            faults_, [&](const Fault& other) { return are_the_same(other, fault); });
        if (same != faults_.end()) {
            ++others_[static_cast<std::size_t>(same - faults_.begin())];
            return;
        }
        faults_.push_back(std::move(fault));
        others_.push_back(0);
    }

    std::vector<Fault> faults_;
    std::vector<int> others_;
};

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
    FaultsOfRanks faults;
    for (const std::string& text : ranks.all_gather_texts(hidden ? "" : packed(mine))) {
        faults.add(text);
    }
    Error common(status, faults.take());
    throw common.mark_agreed();
}

void check_stop_together(const Communicator& ranks) {
    if (ranks.any(stop_requested())) {
        throw stop_error().mark_agreed();
    }
}

}  // namespace alphaprune

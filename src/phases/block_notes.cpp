#include "block_notes.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::phases {

void BlockNotes::add_earlier(int block) {
    if (journal_ == nullptr) {
        return;
    }
    const auto& notes = journal_->earlier().notes;
    if (const auto found = notes.find(block); found != notes.end()) {
        notes_.insert(notes_.end(), found->second.begin(), found->second.end());
    }
}

void BlockNotes::keep(int block, const std::vector<std::string>& notes) {
    parallel::run_collectively(ranks_, [&] {
        for (const std::string& note : notes) {
            if (std::ranges::find(notes_, note) != notes_.end()) {
                continue;
            }
            notes_.insert(notes_.end(), note);
            if (ranks_.is_root() && journal_ != nullptr) {
                journal_->add_note(block, note);
            }
        }
    });
}

}  // namespace alphaprune::phases

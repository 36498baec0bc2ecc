#include "alphaprune/support/name_pattern.hpp"

#include <cstddef>

#include "pattern_parser.hpp"

namespace alphaprune {
namespace {

using Step = NamePattern::Step;

/// All ways through the steps at once (Thompson 1968): a name is gone over once, and a step is
/// entered once a character.
class Search {
  public:
    Search(const std::vector<Step>& steps, std::string_view name)
        : steps_(steps), name_(name), entered_(steps.size(), kNever) {}

    bool succeeds() {
        for (std::size_t at = 0; at <= name_.size(); ++at) {
            enter(0, at);  // a match may begin anywhere
            if (matched_) {
                return true;
            }
            current_.swap(following_);
            following_.clear();
            for (const std::size_t step : current_) {
                if (at < name_.size() &&
                    steps_[step].bytes.test(static_cast<unsigned char>(name_[at]))) {
                    enter(step + 1, at + 1);
                }
            }
        }
        return matched_;
    }

  private:
    static constexpr std::size_t kNever = ~std::size_t{0};

    bool is_word(std::size_t at) const {
        const auto c = static_cast<unsigned char>(at < name_.size() ? name_[at] : ' ');
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_';
    }
    bool is_edge(std::size_t at) const { return (at > 0 && is_word(at - 1)) != is_word(at); }

    bool passes(const Step& step, std::size_t at) const {
        switch (step.kind) {
            case Step::Kind::begin:
                return at == 0;
            case Step::Kind::end:
                return at == name_.size();
            case Step::Kind::word_edge:
                return is_edge(at);
            default:
                return !is_edge(at);
        }
    }

    /// Follows everything that takes no character, before the one at `at`.
    void enter(std::size_t first, std::size_t at) {
        open_.push_back(first);
        while (!open_.empty()) {
            const std::size_t number = open_.back();
            open_.pop_back();
            if (entered_[number] == at) {
                continue;
            }
            entered_[number] = at;
            const Step& step = steps_[number];
            const auto target = [&](int jump) {
                return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(number) + jump);
            };
            switch (step.kind) {
                case Step::Kind::one_of:
                    following_.push_back(number);
                    break;
                case Step::Kind::match:
                    matched_ = true;
                    break;
                case Step::Kind::fork:
                    open_.push_back(target(step.second));
                    open_.push_back(target(step.first));
                    break;
                case Step::Kind::jump:
                    open_.push_back(target(step.first));
                    break;
                default:
                    if (passes(step, at)) {
                        open_.push_back(number + 1);
                    }
            }
        }
    }

    const std::vector<Step>& steps_;
    std::string_view name_;
    std::vector<std::size_t> entered_;  ///< for each step, the place where it was last entered
    std::vector<std::size_t> open_;
    std::vector<std::size_t> current_;
    std::vector<std::size_t> following_;
    bool matched_ = false;
};

}  // namespace

NamePattern::NamePattern(std::string_view text, std::string_view where)
    : text_(text), steps_(parse_pattern(text, where)) {}

bool NamePattern::found_in(std::string_view name) const {
    return Search(steps_, name).succeeds();
}

}  // namespace alphaprune

#include "alphaprune/support/message.hpp"

#include <algorithm>

namespace alphaprune::support {
namespace {

/// The entry that was made last; each points to the one before. Set before any constructor runs.
constinit const Message* last_message = nullptr;

std::string& rank_name() {
    static std::string name;
    return name;
}

}  // namespace

void set_rank_name(std::string name) {
    rank_name() = std::move(name);
}

Message::Message(ExitStatus status, std::string_view id, std::string_view text,
                 std::string_view cause, std::string_view remedy)
    : status_(status),
      id_(id),
      text_(text),
      cause_(cause),
      remedy_(remedy),
      next_(std::exchange(last_message, this)) {}

Error Message::error(std::string text, std::string where, std::string remedy) const {
    return {status_,
            {{std::move(text), std::move(where), std::move(remedy),
              status_ == ExitStatus::failed ? rank_name() : std::string(), std::string(id_)}}};
}

std::vector<const Message*> all_messages() {
    std::vector<const Message*> all;
    for (const Message* message = last_message; message != nullptr; message = message->next_) {
        all.push_back(message);
    }
    std::ranges::sort(all, {}, &Message::id);
    return all;
}

}  // namespace alphaprune::support

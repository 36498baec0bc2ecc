#include "alphaprune/support/message.hpp"

#include <algorithm>

namespace alphaprune::support {
namespace {

/// The entry that was made last; each points to the one before. Set before any constructor runs.
constinit const Message* last_message = nullptr;

}  // namespace

Message::Message(ExitStatus status, std::string_view id, std::string_view text,
                 std::string_view cause, std::string_view remedy)
    : status_(status),
      id_(id),
      text_(text),
      cause_(cause),
      remedy_(remedy),
      next_(std::exchange(last_message, this)) {}

Error Message::error(std::string text, std::string where, std::string remedy) const {
    Error error = status_ == ExitStatus::failed
                      ? failure(std::move(text), std::move(where), std::move(remedy))
                      : Error(status_, {{std::move(text), std::move(where), std::move(remedy)}});
    error.name_message(id_);
    return error;
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

#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::support {

/// One entry of the catalogue of messages: what the program may say, why, and what to do about it.
/// Entries are defined once each, at namespace scope beside the code that gives them, as constants
/// of the types below; `alphaprune_mpi help errors` lists all that the program has.
class Message {
  public:
    /// What follows from it: the exit status, or `done` for a warning, after which work goes on.
    ExitStatus status() const { return status_; }
    std::string_view id() const { return id_; }  ///< "area.what", unique
    std::string_view text() const { return text_; }
    std::string_view cause() const { return cause_; }
    std::string_view remedy() const { return remedy_; }

    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

  protected:
    Message(ExitStatus status, std::string_view id, std::string_view text, std::string_view cause,
            std::string_view remedy);
    ~Message() = default;

    Error error(std::string text, std::string where, std::string remedy) const;
    static std::string_view view_of(fmt::string_view text) { return {text.data(), text.size()}; }

  private:
    friend std::vector<const Message*> all_messages();

    ExitStatus status_;
    std::string_view id_;
    std::string_view text_;
    std::string_view cause_;
    std::string_view remedy_;
    const Message* next_;
};

/// What a failure of this process says of it: "2 on host n1". Until it is called, nothing.
void set_rank_name(std::string name);

/// The catalogue, sorted by id.
std::vector<const Message*> all_messages();

/// A message with which the program ends. Calling it with the place (file, tensor, option; may be
/// empty) and the values of the text makes the error to be thrown or added to a FaultList:
///
///     const BadRequest<std::string, std::size_t> kShort{
///         "formats.short-file", "{} has only {} bytes",
///         "the file was cut off while it was copied", "copy the file again"};
///     throw kShort(path.string(), name, bytes);
///
/// Text and remedy are format strings over the same values, the remedy usually over none of them;
/// where it takes some it numbers them ("{0}").
template <ExitStatus kStatus, class... Values>
class ErrorMessage : public Message {
  public:
    ErrorMessage(std::string_view id, fmt::format_string<const Values&...> text,
                 std::string_view cause, fmt::format_string<const Values&...> remedy)
        : Message(kStatus, id, view_of(text), cause, view_of(remedy)),
          text_(text),
          remedy_(remedy) {}

    Error operator()(std::string where, const Values&... values) const {
        return error(fmt::format(text_, values...), std::move(where),
                     fmt::format(remedy_, values...));
    }

  private:
    fmt::format_string<const Values&...> text_;
    fmt::format_string<const Values&...> remedy_;
};

/// The request or its input is wrong (exit status 2).
template <class... Values>
using BadRequest = ErrorMessage<ExitStatus::bad_request, Values...>;

/// Something went wrong while running (exit status 1), on this rank.
template <class... Values>
using Failure = ErrorMessage<ExitStatus::failed, Values...>;

/// What a user should know before relying on the result; work goes on. Calling it makes the
/// sentence.
template <class... Values>
class Warning : public Message {
  public:
    Warning(std::string_view id, fmt::format_string<const Values&...> text, std::string_view cause,
            std::string_view remedy)
        : Message(ExitStatus::done, id, view_of(text), cause, remedy), text_(text) {}

    std::string operator()(const Values&... values) const { return fmt::format(text_, values...); }

  private:
    fmt::format_string<const Values&...> text_;
};

}  // namespace alphaprune::support

#pragma once

#include <array>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::support {

/// What the program's exit status tells a script.
enum class ExitStatus : int {
    done = 0,         ///< all that was asked is done
    failed = 1,       ///< something went wrong while running
    bad_request = 2,  ///< the request or its input is wrong
    stopped = 75,     ///< stopped early on request; `--resume` continues
};

/// The most severe last: it counts when there are several. A request that is wrong stays wrong
/// however often it is repeated; what failed while running may succeed the next time; a stop was
/// requested.
inline constexpr std::array kBySeverity{ExitStatus::done, ExitStatus::stopped, ExitStatus::failed,
                                        ExitStatus::bad_request};
/// The place of a status in that list.
int severity_of(ExitStatus status);

/// One thing that is wrong: what it is, where it was seen, and what the user can do about it.
struct Fault {
    std::string what;
    std::string where;         ///< file, tensor, rank or option; may be empty
    std::string remedy;        ///< may be empty
    std::string rank = {};     ///< that met it: "2 on host n1"; empty: all, or it does not matter
    std::string message = {};  ///< its id in the catalogue of messages (support/message.hpp)

    friend bool operator==(const Fault&, const Fault&) = default;
};

/// The one exception type of the program: one or more faults and the exit status they lead to.
class Error : public std::exception {
  public:
    Error(ExitStatus status, std::vector<Fault> faults);

    const char* what() const noexcept override { return text_.c_str(); }
    ExitStatus status() const { return status_; }
    const std::vector<Fault>& faults() const { return faults_; }

    /// True when every rank of the job throws this same error, so that rank 0 alone may print it
    /// and all ranks may leave in good order.
    bool agreed() const { return agreed_; }
    Error& mark_agreed();

  private:
    ExitStatus status_;
    std::vector<Fault> faults_;
    std::string text_;
    bool agreed_ = false;
};

/// What is made of std::bad_alloc.
Error out_of_memory();

/// The fault as the lines a user reads: "error: what", then indented "where:", "rank:",
/// "remedy:" and "more:", those that are not empty.
std::string to_text(const Fault& fault);

/// Keeps the first error of this rank or thread while it goes on taking part in what the others do
/// with it; parallel::agree then makes it the error of all. Not thread-safe.
class FirstError {
  public:
    /// Runs the action unless there is an error already. @return whether it ran without one
    template <class Action>
    bool guard(Action&& action) {
        if (!error_) {
            try {
                action();
            } catch (const Error& error) {
                error_ = error;
            } catch (const std::bad_alloc&) {
                error_ = out_of_memory();
            }
        }
        return !error_;
    }
    const std::optional<Error>& get() const { return error_; }

  private:
    std::optional<Error> error_;
};

/// Collects input faults so that a user sees all of them at once.
class FaultList {
  public:
    /// Takes over the faults of an error, made or caught while collecting.
    void add(const Error& error);
    bool empty() const { return faults_.empty(); }
    const std::vector<Fault>& faults() const { return faults_; }
    /// What throw_if_any() throws.
    std::optional<Error> error() const;
    /// @throws Error with every fault collected, if there is any, and the most severe status; a
    ///         stop on request is reported only where there is nothing else.
    void throw_if_any() const;

  private:
    std::vector<Fault> faults_;
    ExitStatus status_ = ExitStatus::done;
};

}  // namespace alphaprune::support

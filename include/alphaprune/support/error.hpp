#pragma once

#include <array>
#include <exception>
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

/// The gravest last: it counts when there are several. A request that is wrong stays so however
/// often it is repeated; what failed while running may succeed the next time; a stop was asked for.
inline constexpr std::array kByGravity{ExitStatus::done, ExitStatus::stopped, ExitStatus::failed,
                                       ExitStatus::bad_request};
/// The place of a status in that list.
int gravity_of(ExitStatus status);

/// One thing that is wrong: what it is, where it was seen, and what the user can do about it.
struct Fault {
    std::string what;
    std::string where;   ///< file, tensor, rank or option; may be empty
    std::string remedy;  ///< may be empty
    std::string rank =
        {};  ///< that met it, as in "2 on host n1"; empty: all, or it does not matter
    std::string message = {};  ///< its id in the catalogue of messages (support/message.hpp)

    friend bool operator==(const Fault&, const Fault&) = default;
};

/// What a failure of this process says of it: "2 on host n1". Until it is called, nothing.
void name_this_rank(std::string name);

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
    /// Sets the id that its faults have in the catalogue of messages.
    Error& name_message(std::string_view id);

  private:
    ExitStatus status_;
    std::vector<Fault> faults_;
    std::string text_;
    bool agreed_ = false;
};

/// The request or its input is wrong (exit status 2).
Error bad_request(std::string what, std::string where = {}, std::string remedy = {});

/// Something went wrong while running (exit status 1), on this rank.
Error failure(std::string what, std::string where = {}, std::string remedy = {});

/// What is made of std::bad_alloc.
Error out_of_memory();

/// The fault as the lines a user reads: "error: what", then indented "where:", "rank:",
/// "remedy:" and "more:", those that are not empty.
std::string to_text(const Fault& fault);

/// Collects input faults so that a user sees all of them at once.
class FaultList {
  public:
    /// Something that is wrong with the request or its input.
    void add(std::string what, std::string where = {}, std::string remedy = {});
    /// Takes over the faults of an error caught while collecting.
    void add(const Error& error);
    bool empty() const { return faults_.empty(); }
    const std::vector<Fault>& faults() const { return faults_; }
    /// @throws Error with every fault collected, if there is any, and the status of the gravest; a
    ///         stop on request is told of only where it is all there is.
    void throw_if_any() const;

  private:
    std::vector<Fault> faults_;
    ExitStatus status_ = ExitStatus::done;
};

}  // namespace alphaprune::support

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "alphaprune/cli/request.hpp"
#include "option_values.hpp"

namespace alphaprune::cli {

/// Reads settings of a request as values of the right kind; what cannot be read goes to the faults.
class SettingReader {
  public:
    SettingReader(const Request& request, support::FaultList& faults)
        : request_(request), faults_(faults) {}

    const Setting* find(std::string_view name) const { return request_.find(name); }
    support::FaultList& faults() const { return faults_; }
    const Request& request() const { return request_; }

    /// Index of the chosen name; nothing when the option is not given.
    std::optional<std::size_t> choice(std::string_view name, const Choices& choices) const;
    /// A switch that is on.
    bool on(std::string_view name) const;
    /// A whole number of at least 1.
    std::optional<int> count(std::string_view name) const;
    /// A number greater than 0.
    std::optional<double> rate(std::string_view name) const;
    /// An amount of memory, in bytes.
    std::optional<std::uint64_t> size(std::string_view name) const;
    /// A length of time, in seconds.
    std::optional<double> duration(std::string_view name) const;
    /// A file or folder; empty when the option is not given.
    std::filesystem::path path(std::string_view name) const;
    /// @param what  "the folder of the model", for the remedy when the option is missing
    std::filesystem::path needed_path(std::string_view name, std::string_view what) const;
    /// All values of an option that may be given several times.
    std::vector<std::string> values(std::string_view name) const;
    /// @return whether `share` is sound: read and in range, or left at its default
    bool share(std::string_view name, bool (*in_range)(double), std::string_view range,
               double& share) const;

  private:
    const Request& request_;
    support::FaultList& faults_;
};

}  // namespace alphaprune::cli

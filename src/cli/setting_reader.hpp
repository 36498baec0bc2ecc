#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.hpp"

namespace alphaprune::cli {

/// Values of which an option takes one. Dashes and underscores between the words are the same.
struct Choices {
    std::vector<std::string_view> names;
    std::vector<std::string_view> later;  ///< part of the contract, not of this version
};

/// Reads settings of a request as values of the right kind. What cannot be read goes to the faults,
/// and is then as if it were not given.
class SettingReader {
  public:
    SettingReader(const Request& request, support::FaultList& faults)
        : request_(request), faults_(faults) {}

    const Setting* find(std::string_view name) const { return request_.find(name); }
    support::FaultList& faults() const { return faults_; }
    const Request& request() const { return request_; }

    /// Index of the chosen name; nothing when the option is not given.
    std::optional<std::size_t> choice(std::string_view name, const Choices& choices) const;
    /// The same for an option that may be given several times: one index per value.
    std::vector<std::size_t> choices(std::string_view name, const Choices& choices) const;
    /// A switch that is on.
    bool on(std::string_view name) const;
    /// A finite number and nothing else.
    std::optional<double> number(std::string_view name) const;
    /// A whole number of at least 1.
    std::optional<int> count(std::string_view name) const;
    /// A whole number from 0 to 2^64 - 1.
    std::optional<std::uint64_t> seed(std::string_view name) const;
    /// A number in a range.
    /// @param range  as in "greater than 0"
    /// @param hint   for the remedy
    std::optional<double> within(std::string_view name, std::string_view range,
                                 const std::function<bool(double)>& in_range,
                                 std::string_view hint = "") const;
    /// An amount of memory, in bytes: a number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB,
    /// GiB, TiB, or K, M, G, T (powers of 1024); without a unit, bytes.
    std::optional<std::uint64_t> size(std::string_view name) const;
    /// A length of time as HH:MM:SS or D-HH:MM:SS, in seconds, greater than 0.
    std::optional<double> duration(std::string_view name) const;
    /// A file or folder; empty when the option is not given.
    std::filesystem::path path(std::string_view name) const;
    /// @param what  "the folder of the model", for the remedy when the option is missing
    std::filesystem::path needed_path(std::string_view name, std::string_view what) const;
    /// Adds a fault unless the option is given.
    void require(std::string_view name, std::string_view what) const;
    /// All values of an option that may be given several times.
    std::vector<std::string> values(std::string_view name) const;
    /// A value that is none of those an option takes goes to the faults.
    /// @param choices  for the remedy: "exact, inclusive"
    void refuse(const Setting& setting, const std::string& choices,
                std::string_view meant = {}) const;

  private:
    std::optional<std::size_t> index_of(const Setting& setting, const Choices& choices) const;
    void note_values(std::string_view name, const Choices& choices) const;

    const Request& request_;
    support::FaultList& faults_;
};

}  // namespace alphaprune::cli

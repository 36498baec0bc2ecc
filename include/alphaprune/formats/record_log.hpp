#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alphaprune/support/file.hpp"

namespace alphaprune::formats {

inline constexpr std::uint64_t kRecordLogHead = 16;  ///< bytes before the first record

/// A file of records that is only ever added to, so that what is in it survives whatever happens to
/// the program or the machine:
///
///     8 bytes "APRECLOG", 8 bytes: the number of the run it belongs to; then for each record
///     8 bytes: kind, 8 bytes: size of the payload, payload, 8 bytes: checksum of kind, size and
///     payload, seeded with the run's number and the record's place in the file
///
/// All numbers are little-endian. A record counts when it is whole: the first that is not ends what
/// can be read.
struct Record {
    std::uint64_t kind = 0;
    std::vector<std::byte> payload;
    std::uint64_t place = 0;  ///< of the payload in the file
};

class RecordLogWriter {
  public:
    /// Makes the file, which must not exist yet, or empties it. @throws Error
    RecordLogWriter(const std::filesystem::path& path, std::uint64_t run);

    /// Adds a record, durable after the next sync(). @throws Error
    void append(std::uint64_t kind, std::span<const std::byte> payload);
    void sync() { file_.sync(); }

  private:
    support::File file_;
    std::uint64_t run_;
    std::uint64_t size_;
};

class RecordLogReader {
  public:
    /// @throws Error (bad_request) when the file cannot be opened
    RecordLogReader(const std::filesystem::path& path, std::uint64_t run);

    /// The next record; nothing at the end or where the file is damaged.
    std::optional<Record> next();
    /// What is wrong with the rest of the file, once next() has returned nothing; empty: nothing.
    const std::string& damage() const { return damage_; }

  private:
    std::optional<Record> damaged(std::string what);

    support::File file_;
    std::uint64_t run_;
    std::uint64_t size_;
    std::uint64_t at_ = 0;
    std::string damage_;
};

}  // namespace alphaprune::formats

#include "alphaprune/formats/record_log.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "alphaprune/support/checksum.hpp"

namespace alphaprune::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are stored as they are");

constexpr std::string_view kRecordLogMagic = "APRECLOG";

struct RecordHead {
    std::uint64_t kind = 0;
    std::uint64_t size = 0;
};
constexpr std::uint64_t kFrameBytes = sizeof(RecordHead) + sizeof(std::uint64_t);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

std::array<std::byte, kRecordLogHead> file_head(std::uint64_t run) {
    std::array<std::byte, kRecordLogHead> head;
    std::memcpy(head.data(), kRecordLogMagic.data(), kRecordLogMagic.size());
    std::memcpy(head.data() + kRecordLogMagic.size(), &run, sizeof(run));
    return head;
}

/// A record in the wrong place, or of another run, does not pass.
std::uint64_t checksum_of(const RecordHead& head, std::span<const std::byte> payload,
                          std::uint64_t run, std::uint64_t place) {
    return support::hash_bytes(payload, support::hash_bytes(bytes_of(head), run + place));
}

}  // namespace

RecordLogWriter::RecordLogWriter(const std::filesystem::path& path, std::uint64_t run)
    : file_(support::File::create(path)), run_(run), size_(kRecordLogHead) {
    file_.write(file_head(run));
}

void RecordLogWriter::append(std::uint64_t kind, std::span<const std::byte> payload) {
    const RecordHead head{kind, payload.size()};
    const std::uint64_t checksum = checksum_of(head, payload, run_, size_);
    file_.write(bytes_of(head));
    file_.write(payload);
    file_.write(bytes_of(checksum));
    size_ += kFrameBytes + payload.size();
}

RecordLogReader::RecordLogReader(const std::filesystem::path& path, std::uint64_t run)
    : file_(support::File::open_for_reading(path)), run_(run), size_(file_.size()) {}

std::optional<Record> RecordLogReader::damaged(std::string what) {
    damage_ = std::move(what);
    size_ = at_;  // nothing more is read
    return std::nullopt;
}

std::optional<Record> RecordLogReader::next() {
    if (at_ == 0) {
        std::array<std::byte, kRecordLogHead> head{};
        if (size_ < kRecordLogHead) {
            return damaged("it ends before its first record");
        }
        file_.read_at(0, head);
        if (head != file_head(run_)) {
            return damaged("it does not belong to this run");
        }
        at_ = kRecordLogHead;
    }
    if (at_ == size_) {
        return std::nullopt;
    }
    RecordHead head;
    if (size_ - at_ < kFrameBytes) {
        return damaged(fmt::format("the record at byte {} is cut off", at_));
    }
    file_.read_at(at_, std::as_writable_bytes(std::span(&head, 1)));
    if (head.size > size_ - at_ - kFrameBytes) {  // before any memory is taken for it
        return damaged(fmt::format("the record at byte {} is cut off", at_));
    }
    Record record{head.kind, std::vector<std::byte>(head.size), at_ + sizeof(head)};
    std::uint64_t checksum = 0;
    file_.read_at(record.place, record.payload);
    file_.read_at(record.place + head.size, std::as_writable_bytes(std::span(&checksum, 1)));
    if (checksum != checksum_of(head, record.payload, run_, at_)) {
        return damaged(fmt::format("the record at byte {} is damaged", at_));
    }
    at_ += kFrameBytes + head.size;
    return record;
}

}  // namespace alphaprune::formats

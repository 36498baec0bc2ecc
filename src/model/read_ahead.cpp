#include "read_ahead.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <system_error>
#include <vector>

#include "alphaprune/support/error.hpp"

namespace alphaprune::model {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{2} << 20;

}  // namespace

void ReadAhead::begin(const support::File& file, std::uint64_t offset, std::uint64_t bytes) {
    {
        const std::scoped_lock lock(mutex_);
        wanted_ = {&file, offset, bytes};
    }
    changed_.notify_one();
    if (!thread_.joinable()) {
        try {
            thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
        } catch (const std::system_error&) {  // no more threads: then nothing is read ahead
        }
    }
}

void ReadAhead::work(const std::stop_token& stop) {
    std::vector<std::byte> scratch(kPieceBytes);
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return wanted_.bytes > 0; }) && !stop.stop_requested()) {
        const Part piece{wanted_.file, wanted_.offset, std::min(wanted_.bytes, kPieceBytes)};
        wanted_.offset += piece.bytes;
        wanted_.bytes -= piece.bytes;
        lock.unlock();
        try {
            piece.file->read_at(piece.offset, std::span(scratch).first(piece.bytes));
        } catch (
            const support::Error&) {  // comes again, and is told of, when these bytes are needed
        }
        lock.lock();
    }
}

}  // namespace alphaprune::model

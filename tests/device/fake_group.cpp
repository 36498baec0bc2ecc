#include "fake_group.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "alphaprune/device/card_error.hpp"
#include "fake_faults.hpp"

namespace {

namespace fs = std::filesystem;
using alphaprune::device::CardError;
using alphaprune::device::CardFault;
using alphaprune::linalg::FarGroupKey;

/// How often the ranks of a group have arrived at a barrier, in a file that all of them map.
class Meeting {
  public:
    Meeting(const fs::path& path, int rank, int ranks) : path_(path), ranks_(ranks) {
        const int file = open_file(rank);
        void* const memory =
            ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
        if (memory == MAP_FAILED) {
            throw CardError(CardFault::refused, "made up: mmap failed");
        }
        arrived_ = static_cast<int*>(memory);
        wait();
        if (rank == 0) {
            fs::remove(path_);
        }
    }
    Meeting(const Meeting&) = delete;
    Meeting& operator=(const Meeting&) = delete;
    ~Meeting() { ::munmap(arrived_, sizeof(int)); }

    void wait() {
        std::atomic_ref<int> arrived(*arrived_);
        ++arrived;
        ++times_;
        until([&] { return arrived >= times_ * ranks_; });
    }

  private:
    template <class Condition>
    static void until(const Condition& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) {
                throw CardError(CardFault::refused, "made up: another rank has not come");
            }
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    }
    int open_file(int rank) const {
        if (rank == 0) {
            const std::string made = path_.string() + ".new";
            std::ofstream(made) << std::string(sizeof(int), '\0');
            fs::rename(made, path_);
        }
        until([&] { return fs::exists(path_); });
        return ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    }

    fs::path path_;
    int ranks_;
    int times_ = 0;
    int* arrived_ = nullptr;
};

class FakeGroup : public alphaprune::linalg::FarGroup {
  public:
    FakeGroup(const fs::path& path, int rank, int ranks)
        : path_(path), rank_(rank), ranks_(ranks), meeting_(path, rank, ranks) {}

    void sum(double* values, std::int64_t count) override {
        if (told("FAKE_CARD_GROUPS") == -3) {
            throw CardError(CardFault::refused, "made up: the way to the other cards is lost");
        }
        const auto bytes =
            static_cast<std::streamsize>(count) * static_cast<std::streamsize>(sizeof(double));
        std::ofstream(file_of(rank_), std::ios::binary)
            .write(reinterpret_cast<const char*>(values), bytes);
        meeting_.wait();
        std::vector<double> others(static_cast<std::size_t>(count));
        std::vector<double> sums(static_cast<std::size_t>(count));
        for (int rank = 0; rank < ranks_; ++rank) {
            std::ifstream file(file_of(rank), std::ios::binary);
            file.read(reinterpret_cast<char*>(others.data()), bytes);
            if (file.gcount() != bytes || file.peek() != std::ifstream::traits_type::eof()) {
                throw CardError(CardFault::refused, "made up: ranks add up different sizes");
            }
            for (std::size_t i = 0; i < others.size(); ++i) {
                sums[i] += others[i];
            }
        }
        meeting_.wait();
        fs::remove(file_of(rank_));
        std::copy(sums.begin(), sums.end(), values);
    }

  private:
    fs::path file_of(int rank) const { return path_.string() + "." + std::to_string(rank); }

    fs::path path_;
    int rank_;
    int ranks_;
    Meeting meeting_;
};

}  // namespace

FarGroupKey make_fake_key() {
    static int keys = 0;
    const std::string name =
        "alphaprune-fake-group-" + std::to_string(::getpid()) + "-" + std::to_string(keys++);
    FarGroupKey key{};
    std::memcpy(key.data(), name.data(), name.size());
    return key;
}

std::unique_ptr<alphaprune::linalg::FarGroup> join_fake_group(const FarGroupKey& key, int rank,
                                                              int ranks) {
    return std::make_unique<FakeGroup>(
        fs::temp_directory_path() / reinterpret_cast<const char*>(key.data()), rank, ranks);
}

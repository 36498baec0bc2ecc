#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "alphaprune/device/card_error.hpp"

/// Memory of the made-up card. Whoever names memory that was not allocated learns it at once; on a
/// card it would be found out much later, or never.
class CardMemory {
  public:
    CardMemory() = default;
    ~CardMemory();
    CardMemory(const CardMemory&) = delete;
    CardMemory& operator=(const CardMemory&) = delete;

    /// Filled with ones: NaN as floating-point values of all types, −1 as indices.
    void* allocate(std::size_t bytes);
    /// @throws CardError (refused) for what is not the beginning of an allocation
    void release(void* memory);

    /// @throws CardError (refused) unless all of them lie in one allocation, properly aligned. No
    /// bytes may lie anywhere.
    void check(const void* values, std::size_t bytes, std::size_t alignment,
               const std::string& what) const;

  private:
    std::map<const std::byte*, std::size_t> sizes_;  ///< by beginnings
};

/// Some bytes that a piece of work touches, and what they are called.
struct Touched {
    const std::byte* begin = nullptr;
    std::size_t bytes = 0;
    const char* name = "";
};

bool overlap(const Touched& one, const Touched& other);

/// What a piece of work reads and writes, checked when it is named.
class TouchedMemory {
  public:
    TouchedMemory(const CardMemory& memory, const char* work) : memory_(memory), work_(work) {}

    template <class Value>
    void reads(const Value* values, std::int64_t count, const char* name) {
        add(reads_, values, count, sizeof(Value), name);
    }
    template <class Value>
    void writes(const Value* values, std::int64_t count, const char* name) {
        add(writes_, values, count, sizeof(Value), name);
    }
    void reads_stored(const void* values, std::int64_t count, std::size_t size, const char* name) {
        add(reads_, values, count, size, name);
    }
    void writes_stored(const void* values, std::int64_t count, std::size_t size, const char* name) {
        add(writes_, values, count, size, name);
    }
    /// @throws CardError (refused) where it writes what it reads or writes elsewhere
    void end() const;
    /// @throws CardError (refused) unless it is so
    void expect(bool holds, const std::string& what) const;

  private:
    using Ranges = std::multimap<const std::byte*, Touched>;
    void add(Ranges& ranges, const void* values, std::int64_t count, std::size_t size,
             const char* name);

    const CardMemory& memory_;
    std::string work_;
    Ranges reads_, writes_;
};

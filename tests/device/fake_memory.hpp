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
    /// Of a matrix whose rows begin `stride` values apart.
    template <class Value>
    void reads_rows(const Value* values, std::int64_t rows, std::int64_t cols, std::int64_t stride,
                    const char* name) {
        for_rows(rows, cols, stride,
                 [&](std::int64_t at, std::int64_t count) { reads(values + at, count, name); });
    }
    template <class Value>
    void writes_rows(const Value* values, std::int64_t rows, std::int64_t cols, std::int64_t stride,
                     const char* name) {
        for_rows(rows, cols, stride,
                 [&](std::int64_t at, std::int64_t count) { writes(values + at, count, name); });
    }
    /// @throws CardError (refused) where it writes what it reads or writes elsewhere
    void end() const;
    /// @throws CardError (refused) unless it is so
    void expect(bool holds, const std::string& what) const;

  private:
    using Ranges = std::multimap<const std::byte*, Touched>;
    void add(Ranges& ranges, const void* values, std::int64_t count, std::size_t size,
             const char* name);
    /// Calls use(index of its first value, values) for what lies side by side.
    template <class Use>
    void for_rows(std::int64_t rows, std::int64_t cols, std::int64_t stride, const Use& use) const {
        expect(rows >= 0 && cols >= 0, "a negative size");
        expect(rows <= 1 || stride >= cols, "rows that overlap");
        if (rows <= 1 || stride == cols) {
            use(0, rows * cols);
            return;
        }
        for (std::int64_t row = 0; row < rows; ++row) {
            use(row * stride, cols);
        }
    }

    const CardMemory& memory_;
    std::string work_;
    Ranges reads_, writes_;
};

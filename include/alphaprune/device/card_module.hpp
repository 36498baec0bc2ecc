#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alphaprune::device {

/// A graphics card that this process may use.
struct CardInfo {
    int index = 0;     ///< as the module counts those that the process may see
    std::string name;  ///< "NVIDIA H200"
    std::string uuid;  ///< the same in every process of the node
};

/// What program and module must agree about; a module of another number is not used.
inline constexpr int kModuleInterface = 5;

/// The shared library in which all code for graphics cards is, `alphaprune_cuda.so`. It is loaded
/// when the program runs, so that one binary serves nodes with and without cards and drivers, and
/// stays loaded until the process ends.
class CardModule {
  public:
    /// Where there is a driver for cards, it looks beside the program, in ../lib/alphaprune_mpi
    /// from there; or, driver or not, where the environment variable LIBALPHAPRUNE_CUDA says.
    /// Always the same in one process.
    static const CardModule& get();

    /// Whether it is there, and its interface this program's.
    bool is_loaded() const { return handle_ != nullptr; }
    /// Why it is not loaded, or why there is no card; for a message.
    const std::string& reason() const { return reason_; }
    /// In the order of their indices; empty without a module, driver or card.
    const std::vector<CardInfo>& cards() const { return cards_; }

    /// A function that the module offers, by its name. @pre is_loaded()
    /// @throws Error (failure) where it offers none of that name
    template <class Function>
    Function* function(const char* name) const {
        return reinterpret_cast<Function*>(symbol(name));
    }

  private:
    CardModule();
    void* symbol(const char* name) const;

    void* handle_ = nullptr;
    std::string reason_;
    std::vector<CardInfo> cards_;
};

/// Bytes that nobody has taken on a card as yet. @pre the module is loaded @throws CardError
std::uint64_t free_card_bytes(int card);

}  // namespace alphaprune::device

#pragma once

#include <stdexcept>
#include <string>

namespace alphaprune::device {

enum class CardFault {
    out_of_memory,  ///< of this piece of work; others may fit
    lost,           ///< nothing more can be had from the card in this process
    refused,        ///< a library of the card reports that it cannot do this
};

/// What the module of a card throws. The program makes an Error of it, or goes on without the card.
class CardError : public std::runtime_error {
  public:
    CardError(CardFault fault, const std::string& what) : std::runtime_error(what), fault_(fault) {}
    CardFault fault() const { return fault_; }

  private:
    CardFault fault_;
};

}  // namespace alphaprune::device

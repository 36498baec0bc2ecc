#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::report {

/// A value inside a JSON document together with the road to it ("matrices[3].zeros"), so that every
/// misfit is named. Looks at the document, which must outlive it.
class JsonField {
  public:
    /// @param where  the document, for errors
    JsonField(const formats::Json& value, std::string path, std::string where)
        : value_(&value), path_(std::move(path)), where_(std::move(where)) {}

    /// The member of that name. @throws Error (bad_request) when there is none
    JsonField operator[](std::string_view name) const;
    bool has(std::string_view name) const { return value_->find(name) != nullptr; }
    bool is_null() const { return value_->is_null(); }

    /// The value as that kind. @throws Error (bad_request) when it is of another
    std::string text() const;
    double number() const;
    bool flag() const;
    std::int64_t count() const;  ///< an integer, not negative
    int small_count() const;     ///< the same, and no larger than an int
    std::vector<JsonField> elements() const;
    std::vector<std::string> texts() const;
    std::vector<std::pair<std::string, JsonField>> members() const;

    support::Error misfit(std::string_view expected) const;

  private:
    const formats::Json* value_;
    std::string path_;
    std::string where_;
};

}  // namespace alphaprune::report

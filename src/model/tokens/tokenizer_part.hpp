#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// One object inside a tokenizer.json, with its path ("model", "normalizer.normalizers[1]"), so
/// that whatever is not understood is named. Looks at the document, which must outlive it.
class TokenizerPart {
  public:
    /// @param where  the file, for errors
    /// @throws Error (bad_request) when the value is no object
    TokenizerPart(const formats::Json& value, std::string path, std::string where);

    const std::string& where() const { return where_; }
    const std::string& path() const { return path_; }

    /// Its "type". @throws Error (bad_request) when it has none
    std::string type() const;
    /// @throws Error (bad_request) when it has a member that is none of these, nor "type"
    void allow(std::initializer_list<std::string_view> members) const;

    /// The member; nullptr when there is none, or null.
    const formats::Json* find(std::string_view name) const;
    /// @throws Error (bad_request) when there is none, or it is of another kind
    const formats::Json& at(std::string_view name) const;
    std::string text(std::string_view name) const;
    TokenizerPart part(std::string_view name) const;
    std::vector<TokenizerPart> parts(std::string_view name) const;
    std::int32_t id(std::string_view name) const;
    bool flag(std::string_view name) const;
    /// The same of a member that may be missing.
    bool flag_or(std::string_view name, bool usual) const;
    std::string text_or(std::string_view name, std::string usual) const;

    /// What tokenizer.json has here is known not to be understood: an option with this value.
    [[noreturn]] void refuse_option(std::string_view name) const;
    /// A kind of part that is not understood.
    [[noreturn]] void refuse_type() const;
    /// It is damaged. @param trouble  a clause
    [[noreturn]] void damaged(std::string_view trouble) const;

  private:
    template <class T>
    T value_of(std::string_view name, std::optional<T> found, std::string_view kind) const;

    const formats::Json* value_;
    std::string path_;
    std::string where_;
};

/// An id as JSON has it. @return nothing for what is none
std::optional<std::int32_t> token_id(const formats::Json& value);

}  // namespace alphaprune::model

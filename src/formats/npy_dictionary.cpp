#include "npy_dictionary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "alphaprune/support/error.hpp"

namespace alphaprune::formats {
namespace {

/// Reads the text from left to right; what does not fit is an error that says where.
class DictionaryReader {
  public:
    DictionaryReader(std::string_view text, std::string_view where)
        : rest_(text), length_(text.size()), where_(where) {}

    NpyDictionary read() {
        expect('{');
        while (!accept('}')) {
            read_member();
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (!rest_.empty() || !descr_ || !fortran_order_ || !shape_) {
            refuse("descr, fortran_order and shape, and no more");
        }
        return {*descr_, *fortran_order_, *shape_};
    }

  private:
    void read_member() {
        const std::string name = read_string();
        expect(':');
        if (name == "descr" && !descr_) {
            descr_ = read_string();
        } else if (name == "fortran_order" && !fortran_order_) {
            fortran_order_ = read_bool();
        } else if (name == "shape" && !shape_) {
            shape_ = read_tuple();
        } else {
            refuse("descr, fortran_order and shape, each once");
        }
    }

    std::string read_string() {
        const char quote = accept('"') ? '"' : '\'';
        if (quote == '\'') {
            expect('\'');
        }
        const auto end = rest_.find_first_of("'\"\\\n");
        if (end == rest_.npos || rest_[end] != quote) {
            refuse("a plain string");
        }
        std::string value(rest_.substr(0, end));
        rest_.remove_prefix(end + 1);
        return value;
    }

    bool read_bool() {
        skip_space();
        for (const std::string_view word : {"True", "False"}) {
            if (rest_.starts_with(word)) {
                rest_.remove_prefix(word.size());
                return word == "True";
            }
        }
        refuse("True or False");
    }

    /// As (), (3,) or (3, 4); a lone number in brackets is no tuple in Python.
    std::vector<std::int64_t> read_tuple() {
        std::vector<std::int64_t> values;
        expect('(');
        while (!accept(')')) {
            values.push_back(read_number());
            if (!accept(',')) {
                if (values.size() == 1) {
                    refuse("a comma after the tuple's only number");
                }
                expect(')');
                break;
            }
        }
        return values;
    }

    std::int64_t read_number() {
        skip_space();
        std::int64_t value = 0;
        const auto [end, problem] =
            std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (problem != std::errc{} || value < 0) {
            refuse("a whole number >= 0 that fits 63 bits");
        }
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return value;
    }

    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
    }

    bool accept(char wanted) {
        skip_space();
        const bool there = rest_.starts_with(wanted);
        rest_.remove_prefix(there ? 1 : 0);
        return there;
    }

    void expect(char wanted) {
        if (!accept(wanted)) {
            refuse(fmt::format("'{}'", wanted));
        }
    }

    [[noreturn]] void refuse(std::string_view expected) const {
        throw support::bad_request(
            fmt::format("the .npy header is not as numpy writes it: expected {} at "
                        "character {} of the header's text",
                        expected, length_ - rest_.size()),
            std::string(where_),
            "write the array again with numpy.save (no structured types, no "
            "objects)");
    }

    std::string_view rest_;
    std::size_t length_;
    std::string_view where_;
    std::optional<std::string> descr_;
    std::optional<bool> fortran_order_;
    std::optional<std::vector<std::int64_t>> shape_;
};

}  // namespace

NpyDictionary parse_npy_dictionary(std::string_view text, std::string_view where) {
    return DictionaryReader(text, where).read();
}

}  // namespace alphaprune::formats

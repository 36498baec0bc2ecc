#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "alphaprune/formats/json.hpp"

namespace alphaprune::formats {
namespace {

std::string string_text(const std::string& value) {
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Keeps a point or an exponent, so that a double is read back as a double.
std::string number_text(double value) {
    if (!std::isfinite(value)) {
        return "null";
    }
    std::string text = fmt::format("{}", value);
    return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

bool is_scalar(const Json& value) {
    return !value.is_array() && !value.is_object();
}

class Writer {
  public:
    explicit Writer(int indent) : indent_(indent) {}

    std::string take() { return std::move(out_); }

    void write(const Json& value) {
        if (value.is_object()) {
            write_object(value.members());
        } else if (value.is_array()) {
            write_array(value.elements());
        } else if (value.is_string()) {
            out_ += string_text(*value.as_string());
        } else if (value.is_integer()) {
            out_ += fmt::format("{}", *value.as_integer());
        } else if (const auto large = value.as_unsigned()) {
            out_ += fmt::format("{}", *large);
        } else if (value.is_number()) {
            out_ += number_text(*value.as_number());
        } else if (value.is_bool()) {
            out_ += *value.as_bool() ? "true" : "false";
        } else {
            out_ += "null";
        }
    }

  private:
    bool pretty() const { return indent_ >= 0; }

    void break_line() {
        if (pretty()) {
            out_ += '\n';
            out_.append(static_cast<std::size_t>(indent_) * depth_, ' ');
        }
    }

    void write_array(const Json::Array& elements) {
        const bool on_one_line = std::ranges::all_of(elements, is_scalar);
        out_ += '[';
        ++depth_;
        for (bool first = true; const Json& element : elements) {
            separate(first, on_one_line);
            write(element);
        }
        close(']', on_one_line);
    }

    void write_object(const Json::Object& members) {
        out_ += '{';
        ++depth_;
        for (bool first = true; const auto& [name, member] : members) {
            separate(first, false);
            out_ += string_text(name);
            out_ += pretty() ? ": " : ":";
            write(member);
        }
        close('}', members.empty());
    }

    void separate(bool& first, bool on_one_line) {
        if (!first) {
            out_ += on_one_line && pretty() ? ", " : ",";
        }
        if (!on_one_line) {
            break_line();
        }
        first = false;
    }

    void close(char bracket, bool on_one_line) {
        --depth_;
        if (!on_one_line) {
            break_line();
        }
        out_ += bracket;
    }

    int indent_;
    std::size_t depth_ = 0;
    std::string out_;
};

}  // namespace

std::string Json::dump(int indent) const {
    Writer writer(indent);
    writer.write(*this);
    return writer.take();
}

}  // namespace alphaprune::formats

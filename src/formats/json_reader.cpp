#include "json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "alphaprune/support/message.hpp"

namespace alphaprune::formats {
namespace {

using support::BadRequest;

const BadRequest<std::size_t> kZeroByte{
    "formats.json-zero-byte", "this is not JSON: byte {} is zero",
    "the file is damaged, or of another kind", "repair the file or fetch it again"};
const BadRequest<std::string> kNotJson{
    "formats.not-json", "this is not JSON: {}",
    "half a file, or the page of a web server, stands in its place",
    "repair the file or fetch it again"};
const BadRequest<std::size_t> kTooDeep{"formats.json-depth", "this JSON is nested deeper than {}",
                                       "no file of a model or of this program is",
                                       "check that this is the right file"};
const BadRequest<std::size_t> kTooManyValues{
    "formats.json-size", "this JSON has more than {} values",
    "no file of a model or of this program has", "check that this is the right file"};
const BadRequest<> kByteOrderMark{
    "formats.json-byte-order-mark",
    "this JSON begins with a byte order mark, which Python does not read",
    "an editor has saved the file in its own variant of UTF-8",
    "save the file as UTF-8 without that mark"};

constexpr std::size_t kMaxDepth = 64;

/// A value of two bytes, as "0,", takes some forty in memory. The largest models' headers and
/// reports have a tenth as many.
constexpr std::size_t kMaxValues = 10'000'000;

/// The parser's own words may quote the file: keep them short and printable.
std::string printable(std::string_view text) {
    constexpr std::size_t kLongest = 240;
    std::string kept(text.substr(0, kLongest));
    std::ranges::replace_if(
        kept, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.size() > kLongest ? kept + "..." : kept;
}

/// "[json.exception.parse_error.101] parse error at line 1, ..." from "line" on.
std::string reason_of(std::string_view message) {
    for (const std::string_view lead : {"] ", "parse error at "}) {
        if (const auto at = message.find(lead); at != message.npos) {
            message.remove_prefix(at + lead.size());
        }
    }
    return printable(message);
}

/// The parser takes a zero byte for the end of its input, and would not look at what follows.
void refuse_zero_bytes(std::string_view text, std::string_view where) {
    if (const auto zero = text.find('\0'); zero != text.npos) {
        throw kZeroByte(std::string(where), zero);
    }
}

/// Python's dictionaries: of members of one name the last value, where the first stood.
void keep_last_of_repeated(Json::Object& members) {
    if (repeated_names(members).empty()) {
        return;
    }
    Json::Object kept;
    std::unordered_map<std::string, std::size_t> place_of;
    for (auto& [name, value] : members) {
        const auto [place, is_new] = place_of.try_emplace(name, kept.size());
        if (is_new) {
            kept.emplace_back(name, std::move(value));
        } else {
            kept[place->second].second = std::move(value);
        }
    }
    members = std::move(kept);
}

/// Builds the document from the parser's events. The parser itself does not recurse, and the depth
/// is limited here, so no input can exhaust the stack, in reading or in later walks.
class DocumentBuilder final : public nlohmann::json::json_sax_t {
  public:
    /// @param values  by the rules of Python, those that stand for numbers of the text
    ///                (StandardJson); outlives the builder
    explicit DocumentBuilder(std::string_view where,
                             const std::map<std::size_t, double>* values = nullptr)
        : where_(where), values_of_numbers_(values) {}

    Json take() { return std::move(root_); }

    bool null() override { return put(Json()); }
    bool boolean(bool value) override { return put(value); }
    bool number_integer(std::int64_t value) override { return put_number(value); }
    bool number_unsigned(std::uint64_t value) override { return put_number(value); }
    bool number_float(double value, const std::string& /*text*/) override {
        return put_number(value);
    }
    bool string(std::string& value) override { return put(std::move(value)); }
    bool binary(nlohmann::json::binary_t& /*value*/) override { return false; }

    bool start_object(std::size_t /*size*/) override { return open(); }
    bool start_array(std::size_t /*size*/) override { return open(); }
    bool key(std::string& name) override {
        open_.back().name = std::move(name);
        return true;
    }
    bool end_object() override {
        Json::Object members = std::move(open_.back().members);
        open_.pop_back();
        if (values_of_numbers_ != nullptr) {
            keep_last_of_repeated(members);
        }
        return put(std::move(members));
    }
    bool end_array() override {
        Json::Array elements = std::move(open_.back().elements);
        open_.pop_back();
        return put(std::move(elements));
    }

    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::detail::exception& problem) override {
        throw kNotJson(std::string(where_), reason_of(problem.what()));
    }

  private:
    /// An object or array whose end has not been seen. An object has a name for its next member.
    struct Container {
        std::optional<std::string> name;
        Json::Object members;
        Json::Array elements;
    };

    bool open() {
        if (open_.size() == kMaxDepth) {
            throw kTooDeep(std::string(where_), kMaxDepth);
        }
        open_.emplace_back();
        return true;
    }

    bool put_number(Json value) {
        const std::size_t number = numbers_++;
        if (values_of_numbers_ != nullptr && values_of_numbers_->contains(number)) {
            return put(values_of_numbers_->at(number));
        }
        return put(std::move(value));
    }

    bool put(Json value) {
        if (++values_ > kMaxValues) {
            throw kTooManyValues(std::string(where_), kMaxValues);
        }
        if (open_.empty()) {
            root_ = std::move(value);
        } else if (Container& inside = open_.back(); inside.name) {
            inside.members.emplace_back(std::move(*inside.name), std::move(value));
            inside.name.reset();
        } else {
            inside.elements.push_back(std::move(value));
        }
        return true;
    }

    std::string_view where_;
    const std::map<std::size_t, double>* values_of_numbers_;
    std::vector<Container> open_;
    std::size_t numbers_ = 0;
    std::size_t values_ = 0;
    Json root_;
};

}  // namespace

Json read_json(std::string_view text, std::string_view where) {
    refuse_zero_bytes(text, where);
    DocumentBuilder builder(where);
    nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

Json read_python_json(std::string_view text, std::string_view where) {
    refuse_zero_bytes(text, where);
    if (text.starts_with("\xEF\xBB\xBF")) {
        throw kByteOrderMark(std::string(where));
    }
    const StandardJson standard = standard_json(text);
    DocumentBuilder builder(where, &standard.values);
    nlohmann::json::sax_parse(standard.text.begin(), standard.text.end(), &builder);
    return builder.take();
}

std::vector<std::string_view> repeated_names(const Json::Object& object) {
    std::vector<std::string_view> names(object.size());
    std::ranges::transform(object, names.begin(), &Json::Member::first);
    std::ranges::sort(names);
    std::vector<std::string_view> repeated;
    for (auto at = std::ranges::adjacent_find(names); at != names.end();
         at = std::adjacent_find(at, names.end())) {
        repeated.push_back(*at);
        at = std::upper_bound(at, names.end(), *at);
    }
    return repeated;
}

std::string in_quotes(std::string_view name) {
    constexpr std::size_t kLongest = 200;
    std::string text = Json(name.substr(0, kLongest)).dump();
    return name.size() > kLongest ? text + "..." : text;
}

}  // namespace alphaprune::formats

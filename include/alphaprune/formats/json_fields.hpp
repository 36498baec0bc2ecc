#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::formats {

/// A value inside a JSON document together with its path ("matrices[3].zeros"), so that every
/// misfit is named. Looks at the document, which must outlive it.
class JsonField {
  public:
    /// @param where  the document, for errors
    JsonField(const Json& value, std::string path, std::string where)
        : value_(&value), path_(std::move(path)), where_(std::move(where)) {}

    /// The member of that name. @throws Error (bad_request) when there is none
    JsonField operator[](std::string_view name) const;
    bool has(std::string_view name) const { return value_->find(name) != nullptr; }
    bool is_null() const { return value_->is_null(); }
    std::vector<JsonField> elements() const;
    std::vector<std::pair<std::string, JsonField>> members() const;

    /// Takes the value over. Whole numbers are counts: none is negative.
    /// @throws Error (bad_request) when it is of another kind, or too large
    void read(std::string& text) const;
    void read(double& number) const;
    void read(bool& flag) const;
    void read(int& count) const;
    void read(std::int64_t& count) const;
    void read(std::uint64_t& count) const;
    template <class T>
    void read(std::vector<T>& values) const {
        values.clear();
        for (const JsonField& element : elements()) {
            element.read(values.emplace_back());
        }
    }
    /// The members of an object with names of any kind, in their order.
    template <class T>
    void read(std::vector<std::pair<std::string, T>>& values) const {
        values.clear();
        for (const auto& [name, member] : members()) {
            member.read(values.emplace_back(name, T()).second);
        }
    }
    template <class T>
    void read(std::optional<T>& value) const {
        value.reset();
        if (!is_null()) {
            read(value.emplace());
        }
    }
    /// An object with a table of fields.
    template <class T>
    void read(T& object) const;

    /// "field 'matrices[3].zeros' is not `expected`"
    support::Error misfit(std::string_view expected) const;

  private:
    template <class T>
    T value_or_misfit(std::optional<T> found, std::string_view expected) const;

    const Json* value_;
    std::string path_;
    std::string where_;
};

/// A table of fields is a function `json_fields(io, object)` that names each member of a JSON
/// object once, in order, with the variable that holds it. `io` is an ObjectWriter, which writes
/// the members, or an ObjectReader, which reads them back. Values may be texts, numbers, objects
/// with tables of their own, lists, pairs of name and value, and optional values (null) of these.
class ObjectWriter {
  public:
    template <class T>
    void operator()(std::string_view name, const T& value) {
        add(name, json_of(value));
    }
    /// A member that documents of earlier versions lack.
    template <class T>
    void later(std::string_view name, const T& value) {
        add(name, json_of(value));
    }
    /// A member that is left out where there is no value.
    template <class T>
    void where_known(std::string_view name, const std::optional<T>& value) {
        if (value) {
            add(name, json_of(*value));
        }
    }
    /// A list that the document has only where it is not empty.
    template <class T>
    void unless_empty(std::string_view name, const std::vector<T>& values) {
        if (!values.empty()) {
            add(name, json_of(values));
        }
    }
    /// A text for which null is written when it is empty.
    void text_or_null(std::string_view name, const std::string& text) {
        add(name, text.empty() ? Json() : Json(text));
    }
    /// A member that follows from others: it is not read.
    template <class T>
    void derived(std::string_view name, const T& value) {
        add(name, json_of(value));
    }
    /// Some fields of the object that are an object in the document.
    template <class Fields>
    void group(std::string_view name, Fields fields) {
        ObjectWriter inner;
        fields(inner);
        add(name, inner.take());
    }
    template <class Write, class Read>
    void custom(std::string_view name, Write write, Read) {
        add(name, write());
    }
    /// What the reader makes sure of when it has come to here.
    template <class Check>
    void check(Check) {}

    Json take() { return std::move(members_); }

  private:
    template <class T>
    static Json json_of(const T& value) {
        if constexpr (std::is_constructible_v<Json, const T&>) {
            return value;
        } else {
            ObjectWriter inner;
            json_fields(inner, value);
            return inner.take();
        }
    }
    template <class T>
    static Json json_of(const std::optional<T>& value) {
        return value ? json_of(*value) : Json();
    }
    template <class T>
    static Json json_of(const std::vector<T>& values) {
        Json::Array array;
        for (const T& value : values) {
            array.push_back(json_of(value));
        }
        return array;
    }
    template <class T>
    static Json json_of(const std::vector<std::pair<std::string, T>>& values) {
        Json::Object members;
        for (const auto& [name, value] : values) {
            members.emplace_back(name, json_of(value));
        }
        return members;
    }
    void add(std::string_view name, Json value) { members_.emplace_back(name, std::move(value)); }

    Json::Object members_;
};

class ObjectReader {
  public:
    explicit ObjectReader(JsonField object) : object_(std::move(object)) {}

    template <class T>
    void operator()(std::string_view name, T& value) {
        object_[name].read(value);
    }
    template <class T>
    void later(std::string_view name, T& value) {
        if (object_.has(name)) {
            object_[name].read(value);
        }
    }
    template <class T>
    void where_known(std::string_view name, std::optional<T>& value) {
        later(name, value);
    }
    template <class T>
    void unless_empty(std::string_view name, std::vector<T>& values) {
        later(name, values);
    }
    void text_or_null(std::string_view name, std::string& text) {
        if (object_.has(name) && !object_[name].is_null()) {
            object_[name].read(text);
        }
    }
    template <class T>
    void derived(std::string_view, const T&) {}
    template <class Fields>
    void group(std::string_view name, Fields fields) {
        ObjectReader inner(object_[name]);
        fields(inner);
    }
    template <class Write, class Read>
    void custom(std::string_view name, Write, Read read) {
        read(object_[name]);
    }
    template <class Check>
    void check(Check check) {
        check(object_);
    }

  private:
    JsonField object_;
};

template <class T>
void JsonField::read(T& object) const {
    ObjectReader reader(*this);
    json_fields(reader, object);
}

}  // namespace alphaprune::formats

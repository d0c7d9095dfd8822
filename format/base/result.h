// Errors as values. Result<T> carries either a T or an Error; its method names are those of
// std::expected, so that it can become std::expected when the toolchain has it.
//
// Three tiers of trouble, and how each is told:
//   the operation failed            -> Result with an Error
//   damage inside a readable file   -> a named loss or damage note in the result,
//                                      and the work goes on
//   a bug of ours                   -> TWOFOLD_CHECK (format/base/check.h)
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "format/base/check.h"

namespace twofold {

// What a person needs to get on: what went wrong, where, and the way out.
struct Error {
  enum class Kind {
    kFailed,      // the operation failed (exit status 1)
    kUsage,       // the command line was wrong (exit status 2)
    kBrokenPipe,  // whoever read our output went away: end without a word
  };

  std::string what;   // a sentence without its full stop: "cannot create the capture: No space left
                      // on device"
  std::string where;  // path, "path at byte 123", option; may be empty
  std::string remedy;  // the way out, a sentence without its full stop; may be empty
  Kind kind = Kind::kFailed;

  // "where: what. remedy." without a newline, escaped for terminals by whoever prints it.
  std::string Message() const;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    TWOFOLD_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    TWOFOLD_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    TWOFOLD_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    TWOFOLD_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    TWOFOLD_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  template <typename U>
  T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& {
    TWOFOLD_CHECK(failed_);
    return error_;
  }
  Error&& error() && {
    TWOFOLD_CHECK(failed_);
    return std::move(error_);
  }

 private:
  Error error_;
  bool failed_ = false;
};

// Strings for errno values without locale or shared state: "No such file or directory".
std::string ErrnoText(int error_number);

}  // namespace twofold

// Leaves the function with the error of a Result expression, or goes on.
#define TWOFOLD_RETURN_IF_ERROR(...)                               \
  do {                                                             \
    auto twofold_result = (__VA_ARGS__);                           \
    if (!twofold_result) return std::move(twofold_result).error(); \
  } while (false)

// Declares or sets `target` to the value of a Result expression, or leaves the function with its
// error: TWOFOLD_ASSIGN_OR_RETURN(int64_t rows, database.QueryInt(sql));
// Two statements, so it stands in a block of its own; a type with a comma is written `auto`.
#define TWOFOLD_ASSIGN_OR_RETURN(target, ...) \
  TWOFOLD_ASSIGN_OR_RETURN_AS(TWOFOLD_JOIN(twofold_result_, __LINE__), target, __VA_ARGS__)
#define TWOFOLD_ASSIGN_OR_RETURN_AS(result, target, ...) \
  auto result = (__VA_ARGS__);                           \
  if (!result) return std::move(result).error();         \
  target = *std::move(result)
#define TWOFOLD_JOIN(left, right) TWOFOLD_JOIN_EXPANDED(left, right)
#define TWOFOLD_JOIN_EXPANDED(left, right) left##right

// How a kind of row is described: what its fields are, each once, in the order of its table in
// schemas/capture.fbs. What is done to rows of every kind follows from the description: writing and
// reading them, checking what they refer to, adding them up, giving them other ids.
//
// A description is a specialization of RowKind beside the row's struct (cpu_rows.h is a short one).
// Its fields:
//   field::Reference  the id of a definition; 0: none
//   field::Key        what tells rows apart, with the references: rows in which all of these are
//                     equal can become one
//   field::Sum        a quantity that adds up, such as a time, a count or a variance
//   field::Max        a quantity of which the larger one counts
//   field::Plain      anything else
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "format/base/ids.h"
#include "format/records/fault.h"

namespace twofold {

struct Interval;
struct Totals;

namespace field {

enum class Role : uint8_t { kReference, kKey, kSum, kMax, kPlain };

template <typename Value>
inline constexpr bool kIsDefinitionId = false;
template <>
inline constexpr bool kIsDefinitionId<StringId> = true;
template <>
inline constexpr bool kIsDefinitionId<ModuleId> = true;
template <>
inline constexpr bool kIsDefinitionId<FrameId> = true;
template <>
inline constexpr bool kIsDefinitionId<StackId> = true;
template <>
inline constexpr bool kIsDefinitionId<ProcessId> = true;
template <>
inline constexpr bool kIsDefinitionId<ThreadId> = true;
template <>
inline constexpr bool kIsDefinitionId<WakerId> = true;
template <>
inline constexpr bool kIsDefinitionId<ChainId> = true;

// A member of a struct and the column that holds it. On the wire every value is a number.
template <Role role, typename Row, typename T>
class Field {
 public:
  using Value = T;
  static constexpr Role kRole = role;
  static_assert(kIsDefinitionId<T> == (role == Role::kReference),
                "Ids of definitions, and nothing else, are references");

  constexpr Field(const char* name, T Row::*of) : column(name), member(of) {}

  constexpr T& Of(Row& row) const { return row.*member; }
  constexpr const T& Of(const Row& row) const { return row.*member; }

  constexpr uint64_t Get(const Row& row) const {
    if constexpr (requires(T value) { value.value; }) {
      return (row.*member).value;
    } else {
      return uint64_t(row.*member);
    }
  }

  constexpr void Set(Row& row, uint64_t number) const {
    if constexpr (requires(T value) { value.value; }) {
      row.*member = T(static_cast<decltype(T::value)>(number));
    } else {
      row.*member = static_cast<T>(number);
    }
  }

  const char* column;
  T Row::*member;
};

template <typename Row, typename T>
struct Reference : Field<Role::kReference, Row, T> {
  // `words` are what a fault calls it; by default "a CPU row's kernel stack".
  constexpr Reference(const char* name, T Row::*of, const char* words = nullptr)
      : Field<Role::kReference, Row, T>(name, of), called(words) {}

  const char* called;
};

template <typename Row, typename T>
struct Key : Field<Role::kKey, Row, T> {
  // `make_known` turns values of newer versions into one that this version knows.
  constexpr Key(const char* name, T Row::*of, T (*make_known)(T) = nullptr)
      : Field<Role::kKey, Row, T>(name, of), known(make_known) {}

  constexpr void Set(Row& row, uint64_t number) const {
    Field<Role::kKey, Row, T>::Set(row, number);
    if (known != nullptr) this->Of(row) = known(this->Of(row));
  }

  T (*known)(T);
};

template <typename Row, typename T>
struct Sum : Field<Role::kSum, Row, T> {
  using Field<Role::kSum, Row, T>::Field;
};
template <typename Row, typename T>
Sum(const char*, T Row::*) -> Sum<Row, T>;

template <typename Row, typename T>
struct Max : Field<Role::kMax, Row, T> {
  using Field<Role::kMax, Row, T>::Field;
};
template <typename Row, typename T>
Max(const char*, T Row::*) -> Max<Row, T>;

template <typename Row, typename T>
struct Plain : Field<Role::kPlain, Row, T> {
  using Field<Role::kPlain, Row, T>::Field;
};
template <typename Row, typename T>
Plain(const char*, T Row::*) -> Plain<Row, T>;

// For Key: numbers up to `last` are known, others become 0, which every such enum calls kOther.
template <auto last>
constexpr decltype(last) UpTo(decltype(last) value) {
  return value <= last ? value : decltype(last){};
}

}  // namespace field

// The description of a kind of row. It has
//   kFields  a std::tuple of fields
//   kTable   what faults call the table ("CPU rows")
//   kRow     and one of its rows ("a CPU row"), where they have references
// and whatever of RowKindDefaults does not hold for it.
template <typename Row>
struct RowKind;

struct RowKindDefaults {
  static constexpr const char* kRow = "";

  // So many columns are always there; each of the others is left out where all its values are 0.
  static constexpr size_t kFullColumns = 1;

  // Numbers of the table as a whole, behind its columns.
  static constexpr std::tuple<> kScalars = {};

  static constexpr const char* kAddUp = "add up";  // with kTable: "its CPU rows add up to ..."

  // The row's quantities are parts of one, such as the time of a thread, and must add up to one
  // total within its limit.
  static constexpr bool kHasOneTotal = false;

  // What is wrong with a row besides its references and sums; nullptr: nothing.
  template <typename Row>
  static constexpr const char* FindFault(const Row&) {
    return nullptr;
  }

  // What is wrong with an interval's table besides its rows.
  static MaybeFault CheckTable(const Interval&, Totals&) { return std::nullopt; }
};

template <typename Row>
inline constexpr size_t kFieldCount = std::tuple_size_v<decltype(RowKind<Row>::kFields)>;

// Calls visit(field) for each field of a kind of row that plays one of the roles.
template <typename Row, field::Role... roles, typename Visit>
constexpr void ForEachField(Visit visit) {
  const auto visit_if = [&]<typename SomeField>(const SomeField& one) {
    if constexpr (((SomeField::kRole == roles) || ...)) visit(one);
  };
  std::apply([&](const auto&... all) { (visit_if(all), ...); }, RowKind<Row>::kFields);
}

// Calls visit(id) for each id by which a row refers to a definition. The ids of a row that is not
// const can be changed.
template <typename Row, typename Visit>
void ForEachReference(Row& row, Visit visit) {
  ForEachField<std::remove_const_t<Row>, field::Role::kReference>(
      [&](const auto& reference) { visit(reference.Of(row)); });
}

// How many fields of a kind of row play a role.
template <typename Row, field::Role role>
constexpr size_t CountFields() {
  size_t count = 0;
  ForEachField<Row, role>([&](const auto&) { ++count; });
  return count;
}

// What a row is told apart from others by: its thread first, then references and keys in their
// order.
template <typename Row>
auto KeyOf(const Row& row) {
  using field::Role;
  const auto thread = [&] {
    if constexpr (requires { row.thread; }) {
      return std::tie(row.thread);
    } else {
      return std::tuple<>();
    }
  };
  const auto part = [&]<typename SomeField>(const SomeField& one) {
    if constexpr (SomeField::kRole == Role::kReference || SomeField::kRole == Role::kKey) {
      return std::tie(one.Of(row));
    } else {
      return std::tuple<>();
    }
  };
  return std::apply([&](const auto&... all) { return std::tuple_cat(thread(), part(all)...); },
                    RowKind<Row>::kFields);
}

// Adds a row's quantities to those of one with the same key.
template <typename Row>
void AddRow(Row& into, const Row& from) {
  static_assert(CountFields<Row, field::Role::kPlain>() == 0,
                "Rows of this kind cannot be added up");
  ForEachField<Row, field::Role::kSum>([&](const auto& sum) { sum.Of(into) += sum.Of(from); });
  ForEachField<Row, field::Role::kMax>(
      [&](const auto& max) { max.Of(into) = std::max(max.Of(into), max.Of(from)); });
}

}  // namespace twofold

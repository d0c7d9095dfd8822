// Between tables of columns and rows of any kind: what row_fields.h describes becomes bytes, and
// rows again. The description and the schema must agree, which the compiler checks.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "format/records/wire.h"

namespace twofold::records {

// Where a table of the schema has the field `name`.
template <typename Table>
constexpr size_t FieldIndex(std::string_view name) {
  const auto& names = Table::Traits::field_names;
  for (size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return i;
  }
  return names.size();
}

// The type of field i of a table of the schema: a table, or a column's elements.
template <typename Table, size_t i>
using FieldTable =
    std::remove_cv_t<std::remove_pointer_t<typename Table::Traits::template FieldType<i>>>;
template <typename Table, size_t i>
using Element = typename FieldTable<Table, i>::value_type;

template <typename Row>
inline constexpr auto kFieldIndices = std::make_index_sequence<kFieldCount<Row>>();
template <typename Row>
inline constexpr auto kScalarIndices =
    std::make_index_sequence<std::tuple_size_v<decltype(RowKind<Row>::kScalars)>>();

// Whether a kind of row names every field of its table, in order: columns, then scalars.
template <typename Table, typename Row>
constexpr bool AgreesWithSchema() {
  size_t next = 0;
  bool agrees = true;
  const auto check = [&](const auto&... fields) {
    ((agrees = agrees && FieldIndex<Table>(fields.column) == next++), ...);
  };
  std::apply(check, RowKind<Row>::kFields);
  std::apply(check, RowKind<Row>::kScalars);
  return agrees && next == Table::Traits::fields_number;
}

// Writes a table; `whole` is what holds the rows, and has its scalars.
template <typename Table, typename Row, typename Whole>
flatbuffers::Offset<Table> PackTable(flatbuffers::FlatBufferBuilder& builder,
                                     const std::vector<Row>& rows, const Whole& whole) {
  using Kind = RowKind<Row>;
  static_assert(AgreesWithSchema<Table, Row>());
  const auto pack = [&]<size_t i>(std::integral_constant<size_t, i>) {
    const auto get = [](const Row& row) { return std::get<i>(Kind::kFields).Get(row); };
    using T = Element<Table, i>;
    return i < Kind::kFullColumns ? PackColumn<T>(builder, rows, get)
                                  : PackOptionalColumn<T>(builder, rows, get);
  };
  return [&]<size_t... i, size_t... s>(std::index_sequence<i...>, std::index_sequence<s...>) {
    // In braces: columns lie in the file in their order.
    const std::tuple columns{pack(std::integral_constant<size_t, i>())...};
    return Table::Traits::Create(builder, std::get<i>(columns)...,
                                 std::get<s>(Kind::kScalars).Get(whole)...);
  }
  (kFieldIndices<Row>, kScalarIndices<Row>);
}

template <typename Table, typename Row, typename Whole>
MaybeFault UnpackTable(const Table& table, MemoryBudget& budget, std::vector<Row>& rows,
                       Whole& whole) {
  using Kind = RowKind<Row>;
  const size_t count = RowsOf(table.template get_field<0>());
  return [&]<size_t... i, size_t... s>(std::index_sequence<i...>, std::index_sequence<s...>)
      ->MaybeFault {
    const std::tuple columns{table.template get_field<i>()...};
    TWOFOLD_RETURN_IF_FAULT(
        CheckColumns(Kind::kTable, count,
                     {(i < Kind::kFullColumns ? RowsOf(std::get<i>(columns))
                                              : RowsOr(std::get<i>(columns), count))...}));
    if (!budget.Take(count, sizeof(Row))) return TooMuchMemory();
    (std::get<s>(Kind::kScalars).Set(whole, table.template get_field<sizeof...(i) + s>()), ...);
    rows.resize(count);
    for (uint32_t at = 0; at < count; ++at) {
      Row& row = rows[at];
      (std::get<i>(Kind::kFields)
           .Set(row, i < Kind::kFullColumns ? At(std::get<i>(columns), at)
                                            : AtOrZero(std::get<i>(columns), at)),
       ...);
    }
    return std::nullopt;
  }
  (kFieldIndices<Row>, kScalarIndices<Row>);
}

// What a fault calls a reference: "a CPU row's kernel stack".
template <typename Row, typename Reference>
std::string Called(const Reference& reference) {
  if (reference.called != nullptr) return reference.called;
  std::string words = reference.column;
  std::replace(words.begin(), words.end(), '_', ' ');
  return std::string(RowKind<Row>::kRow) + "'s " + words;
}

// The fault of a row that refers to what is not defined.
template <typename Row>
MaybeFault CheckReferences(const Row& row, const DefinitionCounts& defined) {
  MaybeFault fault;
  ForEachField<Row, field::Role::kReference>([&](const auto& reference) {
    const auto id = reference.Of(row);
    const uint32_t last = defined.*CountOf<std::remove_const_t<decltype(id)>>();
    if (id.value <= last || fault) return;
    fault = CheckDefined(id.value, last, Called<Row>(reference).c_str());
  });
  return fault;
}

// Counts a row in; false: the sums would leave their limit.
template <typename Row>
bool AddToTotals(const Row& row, RowTotals<Row>& totals) {
  size_t next = 0;
  bool fits = true;
  ForEachField<Row, field::Role::kSum>([&](const auto& sum) {
    fits = fits && AddToTotal(totals.sums[next], sum.Of(row));
    if constexpr (!RowKind<Row>::kHasOneTotal) ++next;
  });
  return fits;
}

// Checks rows against what came before, and counts them in.
template <typename Row>
MaybeFault CheckRows(const std::vector<Row>& rows, const DefinitionCounts& defined,
                     RowTotals<Row>& totals) {
  using Kind = RowKind<Row>;
  for (const Row& row : rows) {
    if constexpr (requires { row.thread; }) {
      if (row.thread.value == 0) return Fault{std::string(Kind::kRow) + " names no thread", true};
    }
    TWOFOLD_RETURN_IF_FAULT(CheckReferences(row, defined));
    if (const char* what = Kind::FindFault(row)) return Fault{what};
    if (!AddToTotals(row, totals)) {
      return Fault{std::string("its ") + Kind::kTable + " " + Kind::kAddUp + " to more than 2^63"};
    }
  }
  return std::nullopt;
}

}  // namespace twofold::records

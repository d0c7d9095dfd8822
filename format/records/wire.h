// Between FlatBuffers and plain structs: what all records share. Only files under format/records
// include this.
#pragma once

#include <flatbuffers/flatbuffers.h>
#include <schemas/capture_generated.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "format/container.h"
#include "format/records/progress.h"

namespace twofold::records {

template <typename T>
using Column = flatbuffers::Vector<T>;

// Writes one column: `get` gives row i's value.
template <typename T, typename Row, typename Get>
flatbuffers::Offset<Column<T>> PackColumn(flatbuffers::FlatBufferBuilder& builder,
                                          const std::vector<Row>& rows, Get get) {
  T* values = nullptr;
  auto offset = builder.CreateUninitializedVector<T>(rows.size(), &values);
  for (const Row& row : rows) flatbuffers::WriteScalar<T>(values++, static_cast<T>(get(row)));
  return offset;
}

// The same for a column that may be absent: one of zeros alone is not written.
template <typename T, typename Row, typename Get>
flatbuffers::Offset<Column<T>> PackOptionalColumn(flatbuffers::FlatBufferBuilder& builder,
                                                  const std::vector<Row>& rows, Get get) {
  bool zeros = std::all_of(rows.begin(), rows.end(),
                           [&](const Row& row) { return static_cast<T>(get(row)) == 0; });
  if (zeros) return 0;
  return PackColumn<T>(builder, rows, get);
}

// An absent column has no rows.
template <typename T>
size_t RowsOf(const Column<T>* column) {
  return column == nullptr ? 0 : column->size();
}

// Row i of a column that has it. The verifier does not see to the alignment of a vector's elements,
// so they are not read in place.
template <typename T>
T At(const Column<T>* column, uint32_t i) {
  T value;
  std::memcpy(&value, column->Data() + size_t{i} * sizeof(T), sizeof(T));
  return value;
}

// A column that may be absent: it then has as many rows as the table, all of them 0.
template <typename T>
size_t RowsOr(const Column<T>* column, size_t rows) {
  return column == nullptr ? rows : column->size();
}

template <typename T>
T AtOrZero(const Column<T>* column, uint32_t i) {
  return column == nullptr ? T{0} : At(column, i);
}

// The fault of columns that do not all have `rows` rows.
inline MaybeFault CheckColumns(const char* table, size_t rows,
                               std::initializer_list<size_t> lengths) {
  for (size_t length : lengths) {
    if (length != rows) return Fault{std::string("its columns of ") + table + " differ in length"};
  }
  return std::nullopt;
}

// Whether `payload` is a FlatBuffer of type T from end to end. Records have few tables, none deep.
template <typename T>
bool IsFlatBuffer(std::span<const uint8_t> payload) {
  flatbuffers::Verifier::Options options;
  options.max_depth = 8;
  options.max_tables = 256;
  flatbuffers::Verifier verifier(payload.data(), payload.size(), options);
  return verifier.VerifyBuffer<T>(nullptr);
}

template <typename T>
const T* RootOf(std::span<const uint8_t> payload) {
  return flatbuffers::GetRoot<T>(payload.data());
}

inline Fault MalformedFlatBuffer() { return Fault{"its FlatBuffer is malformed"}; }

inline std::span<const uint8_t> Packed(const flatbuffers::FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetSize()};
}

}  // namespace twofold::records

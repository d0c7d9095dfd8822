#include "format/foreign_file.h"

#include <algorithm>
#include <string_view>

#include "format/base/bytes.h"
#include "format/base/utf8.h"
#include "format/container.h"

namespace twofold {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view start;
  const char* what;
  const char* remedy;
};

constexpr char kTransferAgain[] = "Transfer the capture again, in binary mode";
constexpr char kGiveCapture[] = "Give the .twofold file that twofold-record wrote";

// The file magic as a transfer in text mode leaves it.
constexpr Signature kMangled[] = {
    {"\xF2TWO\n\x1A\n"sv, "the capture was changed by a transfer in text mode (CR LF became LF)",
     kTransferAgain},
    {"\xF2TWO\r\r\n"sv, "the capture was changed by a transfer in text mode (LF became CR LF)",
     kTransferAgain},
    {"\xF2TWO\r\n\n"sv,
     "the capture was changed by a transfer in text mode (a control character "
     "is gone)",
     kTransferAgain},
    {"\xF2TWO\n\n"sv, "the capture was changed by a transfer in text mode (CR became LF)",
     kTransferAgain},
    {"\x72TWO"sv, "the capture was changed by a transfer in text mode (the eighth bits are gone)",
     kTransferAgain},
    {"\xC3\xB2TWO"sv, "the capture was changed as if it were text (Latin-1 became UTF-8)",
     kTransferAgain},
    {"\xEF\xBF\xBDTWO"sv,
     "the capture was changed as if it were text (bytes that are not UTF-8 "
     "were replaced)",
     kTransferAgain},
};

constexpr Signature kForeign[] = {
    {"PERFILE2"sv, "this is a perf.data file, not a capture", kGiveCapture},
    {"2ELIFREP"sv, "this is a perf.data file, not a capture", kGiveCapture},
    {"\x1F\x8B"sv, "this is a gzip file, not a capture",
     "Unpack it with gunzip and give what is inside"},
    {"\x28\xB5\x2F\xFD"sv, "this is a zstd file, not a capture",
     "Unpack it with unzstd and give what is inside"},
    {"\xFD"
     "7zXZ\0"sv,
     "this is an xz file, not a capture", "Unpack it with unxz and give what is inside"},
    {"BZh"sv, "this is a bzip2 file, not a capture",
     "Unpack it with bunzip2 and give what is inside"},
    {"PK\x03\x04"sv, "this is a zip file, not a capture",
     "Unpack it with unzip and give what is inside"},
    {"SQLite format 3\0"sv, "this is a SQLite database, not a capture",
     "Give the .twofold file that it was loaded from, or open it with sqlite3"},
    {"\x7F"
     "ELF"sv,
     "this is an ELF file (a program or library), not a capture", kGiveCapture},
    {"\x89PNG"sv, "this is a PNG picture, not a capture", kGiveCapture},
    {"%PDF-"sv, "this is a PDF document, not a capture", kGiveCapture},
};

bool IsPlainText(std::string_view text) {
  bool controls = std::any_of(text.begin(), text.end(), [](char c) {
    return uint8_t(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  // A character may be cut at the end of what is looked at.
  for (int cut = 0; cut < 4 && !text.empty(); ++cut) {
    if (IsUtf8(text)) return !controls;
    text.remove_suffix(1);
  }
  return false;
}

// Folded stacks: lines of frames with semicolons that end in a number.
bool LooksFolded(std::string_view text) {
  std::string_view line = text.substr(0, text.find('\n'));
  size_t space = line.rfind(' ');
  if (space == std::string_view::npos || space + 1 == line.size()) return false;
  std::string_view number = line.substr(space + 1);
  return line.find(';') < space && number.find_first_not_of("0123456789") == number.npos;
}

Error DescribeText(std::string_view text, const std::string& name) {
  size_t start = text.find_first_not_of(" \t\r\n");
  std::string_view visible = start == text.npos ? std::string_view() : text.substr(start);
  if (visible.starts_with("<svg") || visible.starts_with("<?xml") || visible.starts_with("<!")) {
    return Error{"this is a picture or a page, not a capture", name, kGiveCapture};
  }
  if (visible.starts_with("{") || visible.starts_with("[")) {
    return Error{"this is JSON text, not a capture", name, kGiveCapture};
  }
  if (LooksFolded(visible)) {
    return Error{"this is text with folded stacks, not a capture", name, kGiveCapture};
  }
  return Error{"this is text, not a capture", name, kGiveCapture};
}

// A capture whose beginning is gone, or has something in front of it.
bool DescribeShifted(std::span<const uint8_t> bytes, const std::string& name, Error& error) {
  std::string_view text = AsText(bytes);
  size_t whole = text.find(AsText(container::kFileMagic));
  size_t block = text.find(AsText(container::kBlockMagic));
  if (whole != text.npos && (block == text.npos || whole < block)) {
    error = Error{std::to_string(whole) + " other bytes stand in front of the capture", name,
                  "Remove them (tail -c +" + std::to_string(whole + 1) + ")"};
    return true;
  }
  if (block != text.npos) {
    size_t header_bytes = sizeof(container::FileHeader);
    std::string lost = block < header_bytes
                           ? "the first " + std::to_string(header_bytes - block) + " bytes"
                           : "the first bytes";
    error = Error{lost + " of the capture are missing or damaged", name,
                  "Transfer the capture again from the host that recorded it"};
    return true;
  }
  return false;
}

}  // namespace

std::optional<Error> DescribeTextMode(std::span<const uint8_t> bytes, const std::string& name) {
  for (const Signature& signature : kMangled) {
    if (AsText(bytes).starts_with(signature.start)) {
      return Error{signature.what, name, signature.remedy};
    }
  }
  return std::nullopt;
}

Error DescribeForeignFile(std::span<const uint8_t> bytes, const std::string& name) {
  std::string_view text = AsText(bytes);
  if (text.empty()) {
    return Error{"the file is empty", name, "Record again: a capture has at least its header"};
  }
  if (std::optional<Error> text_mode = DescribeTextMode(bytes, name)) return *text_mode;
  for (const Signature& signature : kForeign) {
    if (text.starts_with(signature.start)) return Error{signature.what, name, signature.remedy};
  }
  Error shifted;
  if (DescribeShifted(bytes, name, shifted)) return shifted;
  std::string_view beginning = text.substr(0, 4096);
  if (IsPlainText(beginning)) return DescribeText(beginning, name);
  return Error{"this is not a capture", name, kGiveCapture};
}

}  // namespace twofold

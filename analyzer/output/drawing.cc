#include "analyzer/output/drawing.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "analyzer/text/table.h"
#include "format/base/options.h"

namespace twofold {
namespace {

constexpr double kHeaderLetterWidth = 6.6;

}  // namespace

void Append(std::string& out, const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  out.append(buffer, std::min(size_t(std::max(length, 0)), sizeof(buffer) - 1));
}

std::string FittedLabel(std::string_view text, double width_px) {
  double letters = std::floor((width_px - 2 * kTextPadding) / kLetterWidth);
  if (letters < 3) return "";
  return Shorten(std::string(text), size_t(letters));
}

std::vector<std::string> HeaderLines(const std::string& text, double width_px) {
  std::string wrapped = Wrap(text, 0, size_t(width_px / kHeaderLetterWidth));
  std::vector<std::string> lines;
  for (size_t start = 0; start <= wrapped.size();) {
    size_t end = std::min(wrapped.find('\n', start), wrapped.size());
    lines.push_back(wrapped.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

void AppendLegendEntry(std::string& out, double x, const std::string& colour, const char* label) {
  Append(out, "<rect x=\"%g\" y=\"-9\" width=\"11\" height=\"11\" rx=\"2\" fill=\"%s\"/>", x,
         colour.c_str());
  Append(out, "<text x=\"%g\" y=\"0\">%s</text>", x + 16, label);
}

}  // namespace twofold

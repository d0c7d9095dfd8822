#include "recorder/cli/status_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "format/base/units.h"

namespace twofold {

std::string BytesText(uint64_t bytes) {
  char text[32];
  if (bytes < 1024) {
    std::snprintf(text, sizeof(text), "%" PRIu64 " B", bytes);
  } else if (bytes < (1024 << 10)) {
    std::snprintf(text, sizeof(text), "%.1f KiB", double(bytes) / 1024);
  } else {
    std::snprintf(text, sizeof(text), "%.1f MiB", double(bytes) / (1024 * 1024));
  }
  return text;
}

std::string StatusText(const Status& status, size_t columns) {
  char cost[48];
  std::snprintf(cost, sizeof(cost), "cost %.2f %% of one CPU", status.cost_percent);
  char elapsed[32];
  std::snprintf(elapsed, sizeof(elapsed), "%.0f s", status.elapsed_s);
  std::string text = std::string(elapsed) + "  " + FormatCount(status.stacks) + " stacks  " +
                     BytesText(status.file_bytes) + "  " + cost +
                     (status.misses_limit ? " (above --max-overhead)"
                      : status.steps > 0  ? " (less detail: --max-overhead)"
                                          : "") +
                     "  " +
                     (status.losses == 0 ? "no losses" : FormatCount(status.losses) + " losses");
  if (text.size() > columns) text.resize(columns);
  return text;
}

StatusLine::StatusLine(bool wanted) : active_(wanted && isatty(STDERR_FILENO) == 1) {}

StatusLine::~StatusLine() { Clear(); }

void StatusLine::Draw(const Status& status) {
  if (!active_) return;
  winsize size = {};
  size_t columns = 80;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
  // The last column stays free: some terminals wrap when it is written to.
  std::fprintf(stderr, "\r\033[K%s", StatusText(status, columns - 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void StatusLine::Clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace twofold

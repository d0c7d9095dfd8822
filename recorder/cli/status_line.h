// One line on a terminal, drawn over itself after every interval; nothing at all where stderr is no
// terminal.
#pragma once

#include <cstdint>
#include <string>

namespace twofold {

struct Status {
  double elapsed_s = 0;
  uint64_t stacks = 0;
  uint64_t file_bytes = 0;
  double cost_percent = 0;  // of one CPU
  uint64_t losses = 0;
  size_t steps = 0;           // in which detail was given up, and not taken back
  bool misses_limit = false;  // with nothing left to give up
};

// "12 s  1,234 stacks  84.0 KiB  cost 0.31 % of one CPU  no losses", at most `columns` wide; behind
// the cost stands what became of --max-overhead.
std::string StatusText(const Status& status, size_t columns);

// "84.0 KiB", "1.2 MiB". One decimal whatever the size, unlike FormatBytes, so that a line which is
// drawn over itself stays in its columns.
std::string BytesText(uint64_t bytes);

class StatusLine {
 public:
  // Draws only if `wanted` and stderr is a terminal.
  explicit StatusLine(bool wanted);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void Draw(const Status& status);

  // Removes the line, so that other words can follow.
  void Clear();

 private:
  bool active_;
  bool drawn_ = false;
};

}  // namespace twofold

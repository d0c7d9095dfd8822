// How far a long command has come, for whoever watches it on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace twofold {

// One line on a terminal, from the second second on; nothing elsewhere. It goes when this object
// does.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // `what` is made harmless here.
  void Show(const std::string& what, uint64_t done, uint64_t total);

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_;
};

}  // namespace twofold

// Something that may take long, done by a thread of its own while the recorder goes on.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace twofold {

class BackgroundJob {
 public:
  BackgroundJob() = default;
  ~BackgroundJob() { Wait(); }
  BackgroundJob(const BackgroundJob&) = delete;
  BackgroundJob& operator=(const BackgroundJob&) = delete;

  // One at a time: the one before has finished.
  void Start(std::function<void()> job) {
    Wait();
    finished_ = false;
    thread_ = std::thread([this, job = std::move(job)] {
      job();
      finished_ = true;
    });
  }

  // Whether the last one is done, and what it wrote can be read. True before the first.
  bool finished() const { return finished_; }

  void Wait() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
  std::atomic<bool> finished_ = true;
};

}  // namespace twofold

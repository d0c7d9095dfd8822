// The same in C++, with names that are mangled, for symbolize_test.cc.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

namespace app {

volatile int sink;

template <typename T>
__attribute__((always_inline)) inline T Twice(T x) {
  sink = x;
  return x * 2;
}

class Cache {
 public:
  __attribute__((always_inline)) int Find(int key) const {
    for (int value : values) {
      if (Twice(value) == key) return value;
    }
    return -1;
  }
  __attribute__((noinline)) int Sum(int count) const;

  std::vector<int> values;
};

int Cache::Sum(int count) const {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    sum += Find(i);
    std::printf("%d\n", sum);
  }
  return sum;
}

}  // namespace app

int main(int argc, char**) {
  app::Cache cache;
  for (int i = 0; i < argc * 5; ++i) cache.values.push_back(i);
  std::sort(cache.values.begin(), cache.values.end(), std::greater<int>());
  return cache.Sum(argc);
}

#include "tests/recorder/temporary_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace twofold {

TemporaryDirectory::TemporaryDirectory() {
  const auto base = std::filesystem::canonical(std::filesystem::temp_directory_path());
  path_ = (base / "twofold-names-XXXXXX").string();
  EXPECT_NE(mkdtemp(path_.data()), nullptr);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::Write(const std::string& name, std::string_view bytes) const {
  const std::string path = path_ + "/" + name;
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(file.good()) << path;
  return path;
}

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

UniqueFd MemoryFile(std::string_view bytes) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (wrote <= 0) {
      ADD_FAILURE() << "cannot fill a file in memory";
      break;
    }
    done += size_t(wrote);
  }
  return fd;
}

MappedFile MappedFileAt(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  MappedFile file;
  file.path = path;
  file.device = status.st_dev;
  file.inode = status.st_ino;
  return file;
}

}  // namespace twofold

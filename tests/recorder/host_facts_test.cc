#include "recorder/host/host_facts.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace twofold {
namespace {

TEST(ParsePrettyName, TakesQuotedAndPlainValues) {
  EXPECT_EQ(ParsePrettyName("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=y\n"),
            "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(ParsePrettyName("PRETTY_NAME='One Two'"), "One Two");
  EXPECT_EQ(ParsePrettyName("PRETTY_NAME=Alpine\n"), "Alpine");
  EXPECT_EQ(ParsePrettyName("PRETTY_NAME=\"a \\\"b\\\" \\$c\"\n"), "a \"b\" $c");
  EXPECT_EQ(ParsePrettyName("PRETTY_NAME=\"unfinished\n"), "unfinished");
  EXPECT_EQ(ParsePrettyName("PRETTY_NAME=\"\n"), "\"");
  EXPECT_EQ(ParsePrettyName("NAME=x\n"), "");
  EXPECT_EQ(ParsePrettyName(""), "");
}

TEST(ParseCpuModel, KnowsNamesAndNumbers) {
  EXPECT_EQ(ParseCpuModel("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.50GHz\n"),
            "Some CPU @ 2.50GHz");
  EXPECT_EQ(ParseCpuModel("processor\t: 0\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\n"
                          "CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n"),
            "implementer 0x41 part 0xd0c");
  EXPECT_EQ(ParseCpuModel("processor: 0\n"), "");
}

TEST(ParseMemTotalBytes, CountsKibibytes) {
  EXPECT_EQ(ParseMemTotalBytes("MemTotal:        8123456 kB\nMemFree: 1 kB\n"), 8123456ull * 1024);
  EXPECT_EQ(ParseMemTotalBytes("MemFree: 1 kB\n"), 0u);
  EXPECT_EQ(ParseMemTotalBytes("MemTotal: 18446744073709551615 kB\n"), 0u);
}

TEST(ReadHostFacts, TellsAboutThisHost) {
  const Host host = ReadHostFacts();
  utsname names{};
  ASSERT_EQ(uname(&names), 0);
  EXPECT_EQ(host.hostname, names.nodename);
  EXPECT_EQ(host.kernel_release, names.release);
  EXPECT_EQ(host.kernel_version, names.version);
  EXPECT_EQ(host.machine, names.machine);
  EXPECT_EQ(host.cpus_online, uint32_t(sysconf(_SC_NPROCESSORS_ONLN)));
  EXPECT_EQ(host.page_bytes, uint32_t(sysconf(_SC_PAGESIZE)));
  const uint64_t physical_bytes = uint64_t(sysconf(_SC_PHYS_PAGES)) * host.page_bytes;
  EXPECT_EQ(host.memory_bytes, physical_bytes);
  EXPECT_FALSE(host.cpu_model.empty());
  EXPECT_FALSE(host.distribution.empty());
  EXPECT_EQ(host.kernel_build_id.find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace twofold

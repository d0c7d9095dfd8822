// What `twofold sql` prints: tables, CSV and JSON, of every type that SQLite has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string HostileCapture() {
  CaptureMaker maker;
  maker.AddThread("tar", 1);
  maker.AddThread("\x1b]0;\"x\\\"\x07", 2);
  maker.AddThread("</script>", 3);
  maker.EndInterval();
  return WriteTemporary("names.twofold", maker.Finish());
}

std::string Query(const std::string& format, const std::string& query) {
  RunResult result = RunTwofold({"sql", "--format", format, HostileCapture(), query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  EXPECT_EQ(result.words, "");
  return result.output;
}

constexpr char kEveryType[] =
    "SELECT 9007199254740993 AS whole, -0.5 AS part, 1e300 AS large, 9e999 AS endless, 'a' AS "
    "text, x'00ff41' AS bytes, NULL AS missing, '' AS empty";

TEST(SqlOutput, JsonKeepsEveryType) {
  EXPECT_EQ(
      Query("json", kEveryType),
      "[\n{\"whole\": 9007199254740993, \"part\": -0.5, \"large\": 1.0e+300, \"endless\": "
      "null, \"text\": \"a\", \"bytes\": \"00ff41\", \"missing\": null, \"empty\": \"\"}\n]\n");
}

TEST(SqlOutput, CsvAndTableHaveTheSameValues) {
  EXPECT_EQ(Query("csv", kEveryType),
            "whole,part,large,endless,text,bytes,missing,empty\r\n"
            "9007199254740993,-0.5,1.0e+300,Inf,a,00ff41,,\r\n");
  EXPECT_EQ(Query("table", kEveryType),
            "           whole  part     large  endless  text  bytes   missing  empty\n"
            "9007199254740993  -0.5  1.0e+300      Inf  a     00ff41\n");
}

TEST(SqlOutput, TextIsEscapedInEveryFormat) {
  const std::string query = "SELECT name FROM process WHERE pid > 1 ORDER BY pid";
  EXPECT_EQ(Query("json", query),
            "[\n{\"name\": \"\\\\x1b]0;\\\"x\\\\\\\\\\\"\\\\x07\"},\n"
            "{\"name\": \"\\u003c/script>\"}\n]\n");
  EXPECT_EQ(Query("csv", query), "name\r\n\"\\x1b]0;\"\"x\\\\\"\"\\x07\"\r\n</script>\r\n");
  EXPECT_EQ(Query("table", query), "name\n\\x1b]0;\"x\\\\\"\\x07\n</script>\n");
}

TEST(SqlOutput, ColumnsHaveNamesThatDiffer) {
  const std::string query = "SELECT 1 AS a, 2 AS a, 3 AS \"\", 4 AS \"\", 5 AS a_2";
  EXPECT_EQ(Query("json", query),
            "[\n{\"a\": 1, \"a_2\": 2, \"column\": 3, \"column_2\": 4, \"a_2_2\": 5}\n]\n");
  EXPECT_EQ(Query("csv", query), "a,a_2,column,column_2,a_2_2\r\n1,2,3,4,5\r\n");
  EXPECT_EQ(Query("json", "SELECT 1 AS \"\x1b\"\"\""), "[\n{\"\\\\x1b\\\"\": 1}\n]\n");
}

TEST(SqlOutput, NoRowsAreAnEmptyArray) {
  EXPECT_EQ(Query("json", "SELECT pid FROM process WHERE false"), "[]\n");
  EXPECT_EQ(Query("csv", "SELECT pid FROM process WHERE false"), "pid\r\n");
  EXPECT_EQ(Query("table", "SELECT pid FROM process WHERE false"), "pid\n");
}

TEST(SqlOutput, SeveralQueriesGiveAnArrayEach) {
  EXPECT_EQ(Query("json", "SELECT 1 AS a; SELECT 2 AS b;"),
            "[\n{\"a\": 1}\n]\n\n[\n{\"b\": 2}\n]\n");
}

TEST(SqlOutput, CsvIsShortForItsFormat) {
  std::string capture = HostileCapture();
  EXPECT_EQ(RunTwofold({"sql", "--csv", capture, kEveryType}).output, Query("csv", kEveryType));
  EXPECT_EQ(RunTwofold({"sql", capture, kEveryType}).output, Query("table", kEveryType));
}

TEST(SqlOutput, WrongFormatsAreMistakes) {
  std::string capture = HostileCapture();
  RunResult result = RunTwofold({"sql", "--format", "jsn", capture, "SELECT 1"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("'json'?"));
  result = RunTwofold({"sql", "--csv", "--format", "json", capture, "SELECT 1"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("one of the two"));
}

TEST(SqlOutput, ReadOnlyInEveryFormat) {
  std::string capture = HostileCapture();
  std::string database = TemporaryPath("formats.db");
  std::filesystem::remove(database);
  ASSERT_EQ(RunTwofold({"load", "-o", database, capture}).status, 0);
  std::string before = ReadAll(database);
  std::string planted = TemporaryPath("planted.db");
  for (const char* format : {"table", "csv", "json"}) {
    for (const std::string& query : std::vector<std::string>{
             "ATTACH '" + planted + "' AS p", "ATTACH ':memory:' AS p", "DETACH main",
             "DELETE FROM process", "INSERT INTO process (pid) VALUES (1) RETURNING pid",
             "PRAGMA user_version = 9", "PRAGMA application_id = 9", "PRAGMA main.user_version(9)",
             "PRAGMA query_only = OFF", "PRAGMA temp_store_directory = '/'",
             "SELECT 1; DROP TABLE process", "SELECT readfile('/etc/passwd')",
             "EXPLAIN DELETE FROM process"}) {
      for (const std::string& input : {capture, database}) {
        RunResult result = RunTwofold({"sql", "--format", format, input, query});
        EXPECT_EQ(result.status, 1) << query;
        EXPECT_FALSE(result.words.empty()) << query;
      }
    }
  }
  EXPECT_EQ(ReadAll(database), before);
  EXPECT_FALSE(std::filesystem::exists(planted));
  EXPECT_EQ(RunTwofold({"sql", "--format", "csv", database, "PRAGMA application_id"}).output,
            "application_id\r\n845573220\r\n");
}

TEST(SqlOutput, ABrokenPipeIsSilent) {
  std::string capture = HostileCapture();
  std::string words = TemporaryPath("words");
  for (const char* format : {"table", "csv", "json"}) {
    // More than a pipe's buffer holds; head goes away after one line.
    std::string query =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT "
        "i FROM n";
    std::string script = std::string("'") + TWOFOLD_BIN_DIR + "/twofold' sql --format " + format +
                         " '" + capture + "' '" + query + "' 2> '" + words +
                         "' | head -n 1 > /dev/null";
    ASSERT_EQ(std::system(script.c_str()), 0);
    EXPECT_EQ(ReadAll(words), "") << format;
  }
}

}  // namespace
}  // namespace twofold::testing

// Captures as tables: load, sql, several captures in one database, databases of strangers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "analyzer/data/capture_tables.h"
#include "analyzer/data/input.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

// `name` is the process's; its function has the same name, so that mixed-up ids show.
std::string CaptureOf(const std::string& name, int intervals) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread(name, 100);
  for (int i = 0; i < intervals; ++i) {
    maker.Cpu(thread, maker.Stack({"main", name}), maker.Stack({"k:sys_" + name}), 10);
    maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"main", name, "wait"}),
                  StackId(), 1000000, 3);
    maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 1, 1000);
    // As much time on a CPU as the samples tell.
    maker.AddAccount({.thread = thread,
                      .existed_ns = kSecondNs,
                      .user_ns = 1,
                      .system_ns = 3,
                      .on_cpu_ns = 100 * kMillisecondNs,
                      .blocked_ns = {900 * kMillisecondNs}});
    maker.EndInterval();
  }
  return maker.Finish();
}

std::string Query(const std::string& path, const std::string& query) {
  RunResult result = RunTwofold({"sql", "--csv", path, query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  return result.output;
}

TEST(Tables, VirtualOnesHaveTheColumnsOfTheSchema) {
  Result<Database> database = Database::OpenMemory();
  ASSERT_TRUE(database.has_value());
  ASSERT_TRUE(CreateSchema(*database).has_value());
  size_t tables = 0;
  for (const CaptureTable& table : CaptureTables()) {
    std::vector<std::string> declared;
    for (const CaptureColumn& column : table.columns) declared.push_back(column.declaration);
    std::vector<std::string> wanted;
    Result<Statement> statement = database->Prepare(
        "SELECT name || ' ' || type FROM pragma_table_info(?) ORDER BY cid", {table.name});
    ASSERT_TRUE(statement.has_value());
    while (*statement->Step()) wanted.emplace_back(statement->Text(0));
    EXPECT_EQ(declared, wanted) << table.name;
    ++tables;
  }
  EXPECT_EQ(*database->QueryInt("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
            int64_t(tables));
  EXPECT_EQ(*database->QueryInt("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND "
                                "type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict"),
            0);
}

TEST(Load, KeepsEveryForeignKey) {
  std::string first = WriteTemporary("first.twofold", CaptureOf("first", 3));
  std::string second = WriteTemporary("second.twofold", CaptureOf("second", 2));
  std::string target = TemporaryPath("keys.db");
  RunResult result = RunTwofold({"load", "-o", target, first, second});
  ASSERT_EQ(result.status, 0) << result.words;
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(target.c_str(), &handle), SQLITE_OK);
  int broken = 0;
  auto count = [](void* total, int, char**, char**) { return ++*static_cast<int*>(total), 0; };
  EXPECT_EQ(sqlite3_exec(handle, "PRAGMA foreign_key_check", count, &broken, nullptr), SQLITE_OK);
  EXPECT_EQ(broken, 0);
  sqlite3_close(handle);
  struct stat status;
  ASSERT_EQ(stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(target + ".partial"));
}

TEST(Load, SeveralCapturesKeepApart) {
  std::string first = WriteTemporary("first.twofold", CaptureOf("first", 3));
  std::string second = WriteTemporary("second.twofold", CaptureOf("second", 2));
  std::string target = TemporaryPath("two.db");
  ASSERT_EQ(RunTwofold({"load", "-o", target, first, second}).status, 0);
  EXPECT_EQ(Query(target,
                  "SELECT capture.file_name, process.name, frame_name.name AS leaf, "
                  "sum(cpu.value_ns) AS ns FROM cpu JOIN capture USING (capture_id) "
                  "JOIN process USING (process_id) "
                  "JOIN stack ON stack.stack_id = cpu.user_stack_id "
                  "JOIN frame_name USING (frame_id) GROUP BY 1, 2, 3 ORDER BY 1"),
            "file_name,name,leaf,ns\r\n"
            "first.twofold,first,first,300000000\r\n"
            "second.twofold,second,second,200000000\r\n");
  EXPECT_EQ(RunTwofold({"fold", target}).output,
            "first;main;first;sys_first 300000\nsecond;main;second;sys_second 200000\n");
}

TEST(Load, FoldsAndPicturesAreThoseOfTheCapture) {
  std::string capture = WriteTemporary("same.twofold", CaptureOf("same", 4));
  std::string target = TemporaryPath("same.db");
  ASSERT_EQ(RunTwofold({"load", "-o", target, capture}).status, 0);
  for (const char* command : {"fold", "flame", "info", "table"}) {
    EXPECT_EQ(RunTwofold({command, target}).output, RunTwofold({command, capture}).output);
  }
  for (const char* filter : {"--pid=100", "--comm=same", "--state=S", "--from=2"}) {
    EXPECT_EQ(RunTwofold({"fold", "--view", "offcpu", filter, target}).output,
              RunTwofold({"fold", "--view", "offcpu", filter, capture}).output);
  }
}

TEST(Load, IsTheSameBytesOnEveryRun) {
  std::string capture = WriteTemporary("same.twofold", CaptureOf("same", 4));
  std::string one = TemporaryPath("one.db");
  std::string two = TemporaryPath("two-again.db");
  ASSERT_EQ(RunTwofold({"load", "-o", one, capture}).status, 0);
  ASSERT_EQ(RunTwofold({"load", "-o", two, capture}).status, 0);
  EXPECT_EQ(ReadAll(one), ReadAll(two));
}

TEST(Load, NeverReplacesAndLeavesNothingHalfDone) {
  std::string good = WriteTemporary("good.twofold", CaptureOf("good", 1));
  std::string bad = WriteTemporary("bad.twofold", "no capture");
  std::string target = WriteTemporary("precious.db", "precious");
  RunResult result = RunTwofold({"load", "-o", target, good});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("exists"));
  EXPECT_EQ(ReadAll(target), "precious");

  std::string fresh = TemporaryPath("fresh.db");
  result = RunTwofold({"load", "-o", fresh, good, bad});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr(bad));
  EXPECT_FALSE(std::filesystem::exists(fresh));
  EXPECT_FALSE(std::filesystem::exists(fresh + ".partial"));
}

TEST(Load, DevicesAreRefused) {
  std::string good = WriteTemporary("good.twofold", CaptureOf("good", 1));
  RunResult result = RunTwofold({"load", "-o", "/dev/null", good});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("/dev/null"));
}

TEST(Sql, AlignsATableAndReadsTheQueryFromStandardInput) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 2));
  RunResult result =
      RunTwofold({"sql", path, "-"}, "SELECT number, start_ns, NULL AS empty FROM interval;\n");
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_EQ(result.output,
            "number    start_ns  empty\n"
            "     0           0\n"
            "     1  1000000000\n");
}

TEST(Sql, RunsSeveralStatements) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 1));
  EXPECT_EQ(RunTwofold({"sql", path, "SELECT 1 AS a; -- one\n SELECT 2 AS b"}).output,
            "a\n1\n\nb\n2\n");
}

TEST(Sql, ViewsHaveLostTimeAsRowsOfTheirOwn) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 2));
  EXPECT_EQ(Query(path,
                  "SELECT special_frame, process_id, state, count(*) AS n, sum(value_ns) AS ns, "
                  "sum(value_us) AS us FROM offcpu GROUP BY special_frame ORDER BY special_frame"),
            "special_frame,process_id,state,n,ns,us\r\n"
            ",1,S,2,2000000,2000.0\r\n"
            "[lost: row map full],1,S,2,1798000000,1798000.0\r\n");
}

TEST(Sql, StackFramesListsAStackLeafFirst) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 1));
  EXPECT_EQ(Query(path,
                  "SELECT depth, name FROM stack_frames WHERE stack_id = "
                  "(SELECT user_stack_id FROM blocked) ORDER BY depth"),
            "depth,name\r\n0,wait\r\n1,x\r\n2,main\r\n");
}

TEST(Sql, ProcessesTellHowTheyEndedAndTheirContainers) {
  CaptureMaker maker({"cpu"});
  DefinitionsBuilder& builder = maker.definitions();
  const std::string id(64, 'd');
  for (const std::string& cgroup : {std::string("/docker/" + id), std::string("/ssh.service")}) {
    Process process;
    process.pid = Pid(cgroup == "/ssh.service" ? 2 : 1);
    process.name = builder.InternString("x");
    process.cgroup = builder.InternString(cgroup);
    ProcessId process_id = builder.AddProcess(process);
    ProcessEnd end{process_id, 5};
    end.exit_status = process.pid == Pid(1) ? 0 : kKilledBySignal + 9;
    builder.AddProcessEnd(end);
  }
  Process image;
  image.pid = Pid(3);
  builder.AddProcessEnd({builder.AddProcess(image), 7, std::nullopt});
  maker.EndInterval();
  std::string path = WriteTemporary("ends.twofold", maker.Finish());
  EXPECT_EQ(Query(path, "SELECT pid, container_id, end_ns, exit_code, exit_signal FROM process"),
            "pid,container_id,end_ns,exit_code,exit_signal\r\n1," + id +
                ",5,0,\r\n2,,5,,9\r\n3,,7,,\r\n");
}

TEST(Sql, ThreadsTellTheirOwnCgroup) {
  CaptureMaker maker({"cpu"});
  DefinitionsBuilder& builder = maker.definitions();
  const std::string id(64, 'e');
  Process process;
  process.pid = Pid(1);
  process.cgroup = builder.InternString("/docker/" + id);
  Thread thread;
  thread.process = builder.AddProcess(process);
  builder.AddThread(thread);  // as its process
  thread.cgroup = builder.InternString("/ssh.service");
  builder.AddThread(thread);
  process.cgroup = StringId();
  thread.process = builder.AddProcess(process);
  thread.cgroup = StringId();
  builder.AddThread(thread);
  maker.EndInterval();
  std::string path = WriteTemporary("cgroups.twofold", maker.Finish());
  EXPECT_EQ(Query(path, "SELECT cgroup, container_id FROM thread"),
            "cgroup,container_id\r\n/docker/" + id + "," + id + "\r\n/ssh.service,\r\n,\r\n");
}

TEST(Sql, FramesTellTheirPlaceInTheSource) {
  CaptureMaker maker({"cpu"});
  DefinitionsBuilder& builder = maker.definitions();
  Frame frame;
  frame.module = builder.InternModule({ModuleKind::kUserFile, builder.InternString("/app"), {}});
  frame.symbol = builder.InternString("f");
  frame.file = builder.InternString("/src/f.c");
  frame.line = 42;
  builder.InternFrame(frame);
  frame.inlined = true;
  builder.InternFrame(frame);
  builder.InternFrame({.module = frame.module, .symbol = frame.symbol});
  maker.EndInterval();
  std::string path = WriteTemporary("lines.twofold", maker.Finish());
  EXPECT_EQ(Query(path, "SELECT source_file, line, is_inlined FROM frame"),
            "source_file,line,is_inlined\r\n/src/f.c,42,0\r\n/src/f.c,42,1\r\n,,0\r\n");
}

TEST(Sql, ErrorsAreSentences) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 1));
  RunResult result = RunTwofold({"sql", path, "SELEC 1"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("syntax error"));
  EXPECT_THAT(result.words, HasSubstr("docs/sql.md"));
  result = RunTwofold({"sql", path, "SELECT colour FROM process"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("no such column: colour"));
}

TEST(Sql, NothingCanBeWrittenOrReached) {
  std::string path = WriteTemporary("x.twofold", CaptureOf("x", 1));
  std::string database = TemporaryPath("x.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, path}).status, 0);
  std::string before = ReadAll(database);
  std::string planted = TemporaryPath("planted.db");
  for (const std::string& query : std::vector<std::string>{
           "DELETE FROM process", "DROP TABLE process", "CREATE TABLE x (a)",
           "INSERT INTO process SELECT * FROM process", "UPDATE process SET name = 'x'",
           "ATTACH '" + planted + "' AS p", "VACUUM INTO '" + planted + "'", "VACUUM",
           "PRAGMA query_only = OFF", "PRAGMA writable_schema = ON", "PRAGMA journal_mode = WAL",
           "SELECT load_extension('x')", "CREATE TEMP TABLE x (a)", "BEGIN", "REINDEX",
           "CREATE VIRTUAL TABLE t USING fts5(x)"}) {
    for (const std::string& input : {path, database}) {
      RunResult result = RunTwofold({"sql", input, query});
      EXPECT_EQ(result.status, 1) << query;
      EXPECT_EQ(result.output, "") << query;
    }
  }
  EXPECT_EQ(ReadAll(database), before);
  EXPECT_FALSE(std::filesystem::exists(planted));
}

TEST(Sql, TextCannotCommandATerminalOrASpreadsheet) {
  CaptureMaker maker;
  maker.AddThread("=cmd|'/c x'!A", 1);
  maker.AddThread("\x1b]0;x\x07", 2);
  maker.EndInterval();
  std::string path = WriteTemporary("hostile.twofold", maker.Finish());
  EXPECT_EQ(Query(path, "SELECT name FROM process ORDER BY pid"),
            "name\r\n'=cmd|'/c x'!A\r\n\\x1b]0;x\\x07\r\n");
  EXPECT_EQ(RunTwofold({"sql", path, "SELECT name FROM process WHERE pid = 2"}).output,
            "name\n\\x1b]0;x\\x07\n");
}

// A database that was loaded, and then changed by somebody.
std::string Tampered(const std::string& name, const std::string& sql) {
  std::string capture = WriteTemporary("t.twofold", CaptureOf("t", 1));
  std::string path = TemporaryPath(name);
  std::filesystem::remove(path);
  EXPECT_EQ(RunTwofold({"load", "-o", path, capture}).status, 0);
  sqlite3* handle = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
  return path;
}

TEST(StrangersDatabase, OtherSchemasAreRefused) {
  const std::pair<const char*, const char*> changes[] = {
      {"CREATE TABLE more (a)", "not those"},
      {"CREATE TRIGGER t AFTER INSERT ON process BEGIN SELECT 1; END", "not those"},
      {"DROP VIEW cpu; CREATE VIEW cpu AS SELECT 1", "not those"},
      {"DROP INDEX process_by_pid", "not those"},
      {"PRAGMA user_version = 6", "schema version 6"},
      {"PRAGMA application_id = 1", "not made by"},
  };
  for (const auto& [sql, words] : changes) {
    std::string path = Tampered("tampered.db", sql);
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"fold", path}, {"info", path}, {"table", path}, {"sql", path, "SELECT 1"}}) {
      RunResult result = RunTwofold(arguments);
      EXPECT_EQ(result.status, 1) << sql;
      EXPECT_EQ(result.output, "") << sql;
      EXPECT_THAT(result.words, HasSubstr(words)) << sql;
    }
  }
}

TEST(StrangersDatabase, RowsThatReferToNothingAreErrorsNotCrashes) {
  for (const char* sql :
       {"UPDATE stack SET parent_stack_id = stack_id",
        "UPDATE stack SET parent_stack_id = 99999 WHERE stack_id = 1",
        "UPDATE stack SET frame_id = -5", "UPDATE stack SET frame_id = NULL",
        "UPDATE cpu_sample SET user_stack_id = 4000000000",
        "UPDATE cpu_sample SET thread_id = 12345", "UPDATE cpu_sample SET thread_id = -1",
        "UPDATE stack SET stack_id = stack_id + 7", "DELETE FROM thread", "DELETE FROM stack",
        "UPDATE cpu_sample SET scaled_ns = -5", "UPDATE account SET unsampled_ns = -5"}) {
    std::string path = Tampered("rows.db", std::string("PRAGMA foreign_keys = OFF; ") + sql);
    RunResult result = RunTwofold({"fold", path});
    EXPECT_EQ(result.status, 1) << sql << "\n" << result.output;
    EXPECT_EQ(result.output, "") << sql;
    EXPECT_THAT(result.words, HasSubstr("rows.db")) << sql;
  }
}

TEST(StrangersDatabase, AccountsThatNoCaptureHasAreErrorsNotCrashes) {
  for (const char* sql :
       {"UPDATE account SET on_cpu_ns = -5", "UPDATE account SET existed_ns = -5",
        "UPDATE account SET user_ns = -1000000", "UPDATE account SET thread_id = 12345",
        "UPDATE thread SET process_id = 12345", "DELETE FROM thread",
        "UPDATE account SET idle_ns = 9223372036854775807, other_ns = 9223372036854775807"}) {
    std::string path = Tampered("accounts.db", std::string("PRAGMA foreign_keys = OFF; ") + sql);
    RunResult result = RunTwofold({"table", path});
    EXPECT_EQ(result.status, 1) << sql << "\n" << result.output;
    EXPECT_EQ(result.output, "") << sql;
    EXPECT_THAT(result.words, HasSubstr("accounts.db")) << sql;
  }
}

TEST(StrangersDatabase, DamagedPagesAreErrorsNotCrashes) {
  std::string capture = WriteTemporary("t.twofold", CaptureOf("t", 1));
  std::string path = TemporaryPath("pages.db");
  ASSERT_EQ(RunTwofold({"load", "-o", path, capture}).status, 0);
  std::string bytes = ReadAll(path);
  for (size_t offset = 16; offset < bytes.size(); offset += 1009) {
    std::string damaged = bytes;
    for (size_t i = offset; i < std::min(offset + 64, damaged.size()); ++i) {
      damaged[i] = char(damaged[i] ^ 0xa5);
    }
    RunResult result = RunTwofold({"fold", WriteTemporary("broken.db", damaged)});
    EXPECT_LT(result.status, 2) << offset << result.words;
  }
  RunResult result = RunTwofold({"info", WriteTemporary("head.db", bytes.substr(0, 50))});
  EXPECT_EQ(result.status, 1);
}

}  // namespace
}  // namespace twofold::testing

#include "base/config_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

ConfigReader Parsed(const std::string& text) {
  absl::StatusOr<ConfigReader> reader = ConfigReader::Parse(text, "daemon.toml");
  EXPECT_TRUE(reader.ok()) << reader.status();
  return *std::move(reader);
}

std::string Mistakes(ConfigReader& reader) {
  return std::string(reader.Finish().message());
}

TEST(ConfigReader, EveryKindOfValueArrivesInItsType) {
  ConfigReader reader = Parsed(R"(
name = "node-1"
[limits]
on = true
count = 7
ratio = 2
timeout = "1h30m"
cache = "64MiB"
plain = 4096
roots = ["/srv/a", "/srv/b"]
level = "debug"
[voices]
anna = "en-us"
"dr. bob" = "en-gb"
)");
  std::string name, level;
  bool on = false;
  std::int64_t count = 0, cache = 0, plain = 0;
  double ratio = 0;
  absl::Duration timeout;
  std::vector<std::string> roots;
  std::map<std::string, std::string> voices;
  reader.Read("name", name);
  reader.Read("limits.on", on);
  reader.Read("limits.count", count, 1, 10);
  reader.Read("limits.ratio", ratio, 0, 10);
  reader.Read("limits.timeout", timeout, absl::ZeroDuration(), absl::Hours(2));
  reader.ReadBytes("limits.cache", cache, 0, INT64_MAX);
  reader.ReadBytes("limits.plain", plain, 0, INT64_MAX);
  reader.Read("limits.roots", roots);
  reader.ReadName("limits.level", level, {"debug", "info"});
  reader.ReadMap("voices", voices);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(name, "node-1");
  EXPECT_TRUE(on);
  EXPECT_EQ(count, 7);
  EXPECT_EQ(ratio, 2.0);
  EXPECT_EQ(timeout, absl::Minutes(90));
  EXPECT_EQ(cache, 64 << 20);
  EXPECT_EQ(plain, 4096);
  EXPECT_THAT(roots, ElementsAre("/srv/a", "/srv/b"));
  EXPECT_EQ(level, "debug");
  EXPECT_THAT(voices, ElementsAre(Pair("anna", "en-us"), Pair("dr. bob", "en-gb")));
}

TEST(ConfigReader, AnAbsentKeyLeavesTheDefaultAlone) {
  ConfigReader reader = Parsed("");
  std::int64_t slots = 3;
  reader.Read("slots", slots, 1, 8);
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(slots, 3);
}

TEST(ConfigReader, EveryMistakeIsReportedAtOnceAndNoTargetChanges) {
  ConfigReader reader = Parsed(R"(
slots = 99
timeout = "soon"
cache = "64MB"
level = "debgu"
roots = ["/a", 3]
[lease]
drain_tiemout = "10s"
)");
  std::int64_t slots = 3, cache = 5;
  absl::Duration timeout = absl::Seconds(1), drain = absl::Seconds(2);
  std::string level = "info";
  std::vector<std::string> roots = {"/kept"};
  reader.Read("slots", slots, 1, 8);
  reader.Read("timeout", timeout, absl::ZeroDuration(), absl::Hours(1));
  reader.ReadBytes("cache", cache, 0, 100);
  reader.ReadName("level", level, {"debug", "info"});
  reader.Read("roots", roots);
  reader.Read("lease.drain_timeout", drain, absl::ZeroDuration(), absl::Hours(1));
  EXPECT_THAT(
      Mistakes(reader),
      AllOf(HasSubstr("daemon.toml: slots: 99 is outside 1 to 8"),
            HasSubstr("timeout: expected a duration such as \"30s\" or \"1h30m\", found the string "
                      "\"soon\""),
            HasSubstr("cache: expected a number of bytes"),
            HasSubstr("level: unknown value \"debgu\"; did you mean \"debug\"?"),
            HasSubstr("roots[1]: expected a string, found 3"),
            HasSubstr("lease.drain_tiemout: unknown key; did you mean \"lease.drain_timeout\"?")));
  EXPECT_EQ(slots, 3);
  EXPECT_EQ(timeout, absl::Seconds(1));
  EXPECT_EQ(cache, 5);
  EXPECT_EQ(level, "info");
  EXPECT_THAT(roots, ElementsAre("/kept"));
}

TEST(ConfigReader, AnUnknownKeyFarFromAnyListsItsNeighbours) {
  ConfigReader reader = Parsed("[lease]\nzzzzzzzzzz = 1\n");
  std::int64_t ttl = 0;
  bool other = false;
  reader.Read("lease.ttl", ttl, 0, 9);
  reader.Read("other.flag", other);
  EXPECT_THAT(Mistakes(reader),
              AllOf(HasSubstr("lease.zzzzzzzzzz: unknown key. Valid here: lease.ttl"),
                    Not(HasSubstr("other.flag"))));
}

TEST(ConfigReader, AnEmptyTableNobodyAskedForIsAMistakeToo) {
  ConfigReader reader = Parsed("[lease]\n[leese]\n");
  std::int64_t ttl = 0;
  reader.Read("lease.ttl", ttl, 0, 9);
  EXPECT_THAT(Mistakes(reader), AllOf(HasSubstr("leese: unknown"), Not(HasSubstr("lease: "))));
}

TEST(ConfigReader, AQuotedDottedKeyCannotPoseAsATable) {
  ConfigReader reader = Parsed("\"lease.ttl\" = 5\n");
  std::int64_t ttl = 1;
  reader.Read("lease.ttl", ttl, 0, 9);
  EXPECT_FALSE(reader.Finish().ok());
  EXPECT_EQ(ttl, 1);
}

TEST(ConfigReader, AByteCountTooLargeToHoldIsRefused) {
  ConfigReader reader = Parsed("cache = \"9000000000TiB\"\n");
  std::int64_t cache = 1;
  reader.ReadBytes("cache", cache, 0, INT64_MAX);
  EXPECT_FALSE(reader.Finish().ok());
}

TEST(ConfigReader, TextThatIsNoTomlNamesTheFile) {
  const absl::Status status = ConfigReader::Parse("slots = = 3", "daemon.toml").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("daemon.toml"));
}

TEST(ConfigReader, AFileIsReadAndAnAbsentOneIsNotFound) {
  absl::StatusOr<TempDir> dir = TempDir::Create("config");
  ASSERT_TRUE(dir.ok());
  const std::string path = dir->path() / "daemon.toml";
  EXPECT_EQ(ConfigReader::Load(path).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileDurably(path, "slots = 2\n").ok());
  absl::StatusOr<ConfigReader> reader = ConfigReader::Load(path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::int64_t slots = 0;
  reader->Read("slots", slots, 1, 8);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(slots, 2);
}

TEST(ConfigReaderTest, TablesOfTheOperatorsOwnNamesAreReadByName) {
  auto reader = ConfigReader::Parse("[engines.b]\nrate = 2\n[engines.a]\nrte = 1\n", "x.toml");
  ASSERT_TRUE(reader.ok()) << reader.status();
  const std::vector<std::string> names = reader->TablesIn("engines");
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  for (const std::string& name : names) {
    std::int64_t rate = 0;
    reader->Read("engines." + name + ".rate", rate, 0, 9);
  }
  EXPECT_EQ(reader->Finish().message(),
            "x.toml: engines.a.rte: unknown key; did you mean \"engines.a.rate\"?");
}

}  // namespace
}  // namespace rn

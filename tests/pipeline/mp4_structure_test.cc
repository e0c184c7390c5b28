// The boxes of the files that we write (ISO/IEC 14496-12 and -15), read without a demuxer: what
// players, cutters and CDNs go by.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "hwaccel/h264_bits.h"
#include "pipeline/render.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::size_t kFileBytesMax = 10'000'000;

// A box's content. Reading behind its end is a test failure.
class Box {
 public:
  explicit Box(std::string bytes) : bytes_(std::move(bytes)) {}

  std::uint32_t Number(std::size_t at, std::size_t bytes = 4) const {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      number = number << 8 | static_cast<std::uint8_t>(bytes_.at(at + i));
    }
    return number;
  }

  // `count` numbers of four bytes.
  std::vector<std::uint32_t> Numbers(std::size_t at, std::size_t count) const {
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < count; ++i) numbers.push_back(Number(at + 4 * i));
    return numbers;
  }

  // The types of the boxes inside, which begin at `skip`.
  std::vector<std::string> Types(std::size_t skip = 0) const {
    std::vector<std::string> types;
    for (std::size_t at = skip; at < bytes_.size(); at += Number(at)) {
      types.push_back(bytes_.substr(at + 4, 4));
    }
    return types;
  }

  // The `nth` box of this type inside.
  Box In(const std::string& type, std::size_t skip = 0, int nth = 0) const {
    for (std::size_t at = skip; at < bytes_.size(); at += Number(at)) {
      if (bytes_.substr(at + 4, 4) == type && nth-- == 0) {
        return Box(bytes_.substr(at + 8, Number(at) - 8));
      }
    }
    ADD_FAILURE() << "no " << type;
    return Box("");
  }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

constexpr std::size_t kFullBox = 4;        // version and flags
constexpr std::size_t kEntries = 8;        // … and a count
constexpr std::size_t kVisualSample = 78;  // the fields of avc1
constexpr int kVideo = 0, kAudio = 1;

struct Case {
  const char* name;
  const char* fps;
  std::uint32_t timescale, frame;  // ticks a second and a frame
  std::size_t keyframe_interval;
  bool elision = true;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

// Two titles that stand, faded into each other, over silence.
class Mp4StructureTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    rendernode::JobSpec job;
    job.set_template_json(absl::StrFormat(
        R"({"schema": "1", "name": "t",
            "output": {"width": 160, "height": 90, "fps": %s, "video": {"elision": %s}},
            "scenes": [{"duration": 3, "background_color": "#204060", "elements": [
               {"type": "text", "text": "One", "font_size": 40}]},
             {"duration": 2.5, "transition": {"type": "fade", "duration": 0.5}, "elements": [
               {"type": "text", "text": "Two", "font_size": 40}]}]})",
        GetParam().fps,
        GetParam().elision ? "true" : "false"));
    SpeechEngines speech({});
    const DeviceList devices = DeviceList::Discover();
    const auto result = Render({job, {}, {}, folder_->path()},
                               {devices, speech, Clock::System()},
                               [](const RenderProgress&) {});
    ASSERT_TRUE(result.ok()) << result.status();
    frames_ = result->usage().frames();
    file_ = Box(ReadFile(Path(), kFileBytesMax).value_or(""));
  }

  std::string Path() const { return (folder_->path() / "video.mp4").string(); }
  Box Track(int which) const { return file_.In("moov").In("trak", 0, which); }
  Box Media(int which) const { return Track(which).In("mdia"); }
  Box Table(int which, const std::string& type) const {
    return Media(which).In("minf").In("stbl").In(type);
  }
  Box VideoSample(const std::string& type) const {
    return Table(kVideo, "stsd").In("avc1", kEntries).In(type, kVisualSample);
  }

  // The units of the stream's slices, in decoding order: one a picture.
  std::vector<Rbsp> Slices() const {
    const std::string raw = (folder_->path() / "video.264").string();
    RunTool("ffmpeg", {"-v", "error", "-i", Path(), "-c", "copy", "-an", "-f", "h264", raw});
    const std::string bytes = ReadFile(raw, kFileBytesMax).value_or("");
    std::vector<Rbsp> slices =
        SplitByteStream({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    std::erase_if(slices, [](const Rbsp& unit) {
      return TypeOf(unit) != NalType::kSlice && TypeOf(unit) != NalType::kIdrSlice;
    });
    return slices;
  }

  absl::StatusOr<TempDir> folder_ = TempDir::Create("mp4");
  std::size_t frames_ = 0;
  Box file_{""};
};

TEST_P(Mp4StructureTest, TheIndexStandsBeforeThePictures) {
  const std::vector<std::string> types = file_.Types();
  const auto moov = std::find(types.begin(), types.end(), "moov");
  EXPECT_LT(moov, std::find(types.begin(), types.end(), "mdat"));
  EXPECT_THAT(types, Each(testing::AnyOf("ftyp", "moov", "free", "mdat"))) << "no fragments";
}

TEST_P(Mp4StructureTest, EveryFrameLastsTheSame) {
  EXPECT_EQ(Media(kVideo).In("mdhd").Number(kFullBox + 8), GetParam().timescale);
  const Box stts = Table(kVideo, "stts");
  ASSERT_EQ(stts.Number(kFullBox), 1U);
  EXPECT_THAT(stts.Numbers(kEntries, 2), ElementsAre(frames_, GetParam().frame));
  EXPECT_EQ(Table(kVideo, "stsz").Number(kFullBox + 4), frames_);
}

// One edit each: from the first frame, and from the first sample behind the encoder's lead-in, on.
TEST_P(Mp4StructureTest, SoundAndPictureBeginTogether) {
  constexpr std::uint32_t kAacPriming = 1024;
  const std::uint32_t first_shown = Table(kVideo, "ctts").Number(kEntries + 4);
  const std::uint32_t millis = file_.In("moov").In("mvhd").Number(kFullBox + 8);
  ASSERT_EQ(millis, 1000U);
  const double seconds = static_cast<double>(frames_) * GetParam().frame / GetParam().timescale;
  for (const auto& [track, begin] : {std::pair(kVideo, first_shown), {kAudio, kAacPriming}}) {
    const Box elst = Track(track).In("edts").In("elst");
    ASSERT_EQ(elst.Number(kFullBox), 1U);
    EXPECT_NEAR(elst.Number(kEntries), 1000 * seconds, 1.01);
    EXPECT_EQ(elst.Number(kEntries + 4), begin);
    EXPECT_EQ(elst.Number(kEntries + 8), 0x10000U) << "not at normal speed";
  }
}

TEST_P(Mp4StructureTest, SyncSamplesAreTheIdrPicturesAndNoMoreThanTwoSecondsApart) {
  std::vector<std::uint32_t> idrs;
  const std::vector<Rbsp> slices = Slices();
  ASSERT_THAT(slices, SizeIs(frames_));
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (TypeOf(slices[i]) == NalType::kIdrSlice) idrs.push_back(static_cast<std::uint32_t>(i + 1));
  }
  const Box stss = Table(kVideo, "stss");
  EXPECT_EQ(stss.Numbers(kEntries, stss.Number(kFullBox)), idrs);
  ASSERT_GE(idrs.size(), 3U);
  EXPECT_EQ(idrs[0], 1U);
  for (std::size_t i = 1; i < idrs.size(); ++i) {
    EXPECT_LE(idrs[i] - idrs[i - 1], GetParam().keyframe_interval);
  }
}

TEST_P(Mp4StructureTest, ParameterSetsStandInTheSampleEntryAndNowhereElse) {
  const Box avcc = VideoSample("avcC");
  const std::size_t sps_bytes = avcc.Number(6, 2);
  EXPECT_EQ(avcc.Number(0, 1), 1U);
  EXPECT_EQ(avcc.Number(1, 1), 100U) << "not High profile";
  EXPECT_EQ(avcc.Number(4, 1) & 3, 3U) << "lengths of other than 4 bytes";
  EXPECT_EQ(avcc.Number(5, 1) & 0x1F, 1U);
  EXPECT_EQ(avcc.Number(8 + sps_bytes, 1), GetParam().elision ? 2U : 1U);
  EXPECT_THAT(Table(kVideo, "stsd").Types(kEntries), ElementsAre("avc1"));
}

TEST_P(Mp4StructureTest, ColorsAreBt709LimitedInTheFileAndInTheStream) {
  const Box colr = VideoSample("colr");
  EXPECT_EQ(colr.bytes(), std::string("nclx\0\1\0\1\0\1\0", 11));
  const std::string raw = (folder_->path() / "colors.264").string();
  RunTool("ffmpeg", {"-v", "error", "-i", Path(), "-c", "copy", "-an", "-f", "h264", raw});
  const json stream = json::parse(
      RunTool("ffprobe", {"-v", "error", "-of", "json", "-show_streams", raw}))["streams"][0];
  EXPECT_EQ(stream["color_range"], "tv");
  for (const char* what : {"color_space", "color_transfer", "color_primaries"}) {
    EXPECT_EQ(stream[what], "bt709") << what;
  }
}

TEST_P(Mp4StructureTest, NobodyComplains) {
  EXPECT_EQ(RunTool("ffprobe", {"-v", "warning", "-show_entries", "format=", "-of", "csv", Path()}),
            "");
  EXPECT_EQ(RunTool("ffmpeg", {"-v", "warning", "-xerror", "-i", Path(), "-f", "null", "-"}), "");
}

INSTANTIATE_TEST_SUITE_P(Rates,
                         Mp4StructureTest,
                         testing::Values(Case{"Film", "23.976", 24'000, 1'001, 48},
                                         Case{"NtscPlain", "29.97", 30'000, 1'001, 60, false},
                                         Case{"Ntsc60", "59.94", 60'000, 1'001, 120},
                                         Case{"Pal", "25", 12'800, 512, 50},
                                         Case{"Thirty", "30", 15'360, 512, 60}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace rn

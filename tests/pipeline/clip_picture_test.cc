#include "pipeline/clip_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/pipeline/clip_files.h"

namespace rn {
namespace {

// ------------------------------------------------------------------- kernels
TEST(ClipKernelsTest, ChromaIsInterleavedAtAnyLength) {
  std::mt19937 random(1);
  for (std::size_t n = 0; n < 150; ++n) {
    std::vector<std::uint8_t> u(n), v(n), uv(2 * n + 1, 77);
    for (std::size_t i = 0; i < n; ++i) {
      u[i] = static_cast<std::uint8_t>(random());
      v[i] = static_cast<std::uint8_t>(random());
    }
    InterleaveChroma(u.data(), v.data(), n, uv.data());
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(uv[2 * i], u[i]) << n;
      ASSERT_EQ(uv[2 * i + 1], v[i]) << n;
    }
    ASSERT_EQ(uv[2 * n], 77) << "beyond the row of " << n;
  }
}

// In plain doubles: to R'G'B' by one matrix and back by the other.
TEST(ClipKernelsTest, MatrixChangeIsWhatTheStandardsSay) {
  constexpr double kR = 0.299, kB = 0.114, kG = 1 - kR - kB;
  const MatrixChange change = ToBt709(kR, kB);
  std::mt19937 random(2);
  for (int width = 2; width < 200; width += 2) {
    const std::size_t n = static_cast<std::size_t>(width);
    std::vector<std::uint8_t> y(2 * n), uv(n);
    for (std::uint8_t& sample : y) sample = static_cast<std::uint8_t>(60 + random() % 120);
    for (std::uint8_t& sample : uv) sample = static_cast<std::uint8_t>(90 + random() % 76);
    const auto old_y = y, old_uv = uv;
    ChangeMatrix({y.data(), uv.data(), width, width, width, 2}, change);
    for (int x = 0; x < width; ++x) {
      const double cb = (old_uv[x / 2 * 2] - 128) / 224.0;
      const double cr = (old_uv[x / 2 * 2 + 1] - 128) / 224.0;
      const double luma = (old_y[x] - 16) / 219.0;
      const double r = luma + 2 * (1 - kR) * cr;
      const double b = luma + 2 * (1 - kB) * cb;
      const double g = (luma - kR * r - kB * b) / kG;
      const double luma709 = 0.2126 * r + 0.7152 * g + 0.0722 * b;
      ASSERT_NEAR(y[x], 16 + 219 * luma709, 1.1);
      ASSERT_NEAR(uv[x / 2 * 2], 128 + 224 * (b - luma709) / 1.8556, 1.1);
      ASSERT_NEAR(uv[x / 2 * 2 + 1], 128 + 224 * (r - luma709) / 1.5748, 1.1);
    }
  }
}

// ------------------------------------------------------------------- pictures
struct Shot {
  std::vector<std::uint8_t> bytes;
  Nv12View view;
  int Y(int x, int y) const { return view.y[y * view.y_stride + x]; }
  int U(int x, int y) const { return view.uv[y / 2 * view.uv_stride + x / 2 * 2]; }
  int V(int x, int y) const { return view.uv[y / 2 * view.uv_stride + x / 2 * 2 + 1]; }
};

class ClipPictureTest : public ::testing::Test {
 protected:
  static constexpr int kW = 64, kH = 48;

  ClipPicture Open(const std::string& path, Fit fit = Fit::kFill, Box box = {0, 0, kW, kH}) {
    auto index = ClipIndex::Read(path);
    EXPECT_TRUE(index.ok()) << index.status();
    auto picture =
        ClipPicture::Open({path, std::make_shared<const ClipIndex>(*std::move(index)), fit}, box);
    EXPECT_TRUE(picture.ok()) << picture.status();
    return *std::move(picture);
  }

  // The clip over mid grey.
  static Shot Take(ClipPicture picture, double media_s = 0, std::uint8_t opacity = 255) {
    Shot shot;
    shot.bytes.assign(kW * kH * 3 / 2, 128);
    shot.view = {shot.bytes.data(), shot.bytes.data() + kW * kH, kW, kW, kW, kH};
    const absl::Status painted =
        picture.Paint(Surface(shot.view), {0, 0, kW, kH}, media_s, 0, 0, opacity);
    EXPECT_TRUE(painted.ok()) << painted;
    return shot;
  }

  std::string Made(const std::string& name,
                   const std::string& source,
                   const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"-f", "lavfi", "-i", source, "-frames:v", "2"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return files_.Make(name, arguments);
  }

  ClipFiles files_;
};

TEST_F(ClipPictureTest, ClipOfTheFramesOwnKindIsCopiedToTheByte) {
  const std::string path = Made("a.mkv",
                                "testsrc2=s=64x48:r=25,format=yuv420p,setparams=colorspace=bt709",
                                {"-c:v", "ffv1", "-colorspace", "bt709"});
  const std::string raw =
      *ReadFile(files_.Make("a.yuv", {"-i", path, "-pix_fmt", "nv12", "-f", "rawvideo"}), 1 << 20);
  const Shot shot = Take(Open(path), 0.04);
  ASSERT_EQ(raw.size(), 2 * shot.bytes.size());
  EXPECT_TRUE(std::equal(shot.bytes.begin(),
                         shot.bytes.end(),
                         reinterpret_cast<const std::uint8_t*>(raw.data()) + shot.bytes.size()));
}

// One orange, stored in many ways: #E08020 is (137, 76, 172) in BT.709 limited.
TEST_F(ClipPictureTest, ColoursComeOutTheSameHoweverTheyAreStored) {
  struct Way {
    const char *name, *filter;
    std::vector<std::string> options;
  };
  const std::vector<std::string> ffv1 = {"-c:v", "ffv1"};
  for (const Way& way : std::vector<Way>{
           {"709.mkv", "scale=out_color_matrix=bt709,format=yuv420p", {"-colorspace", "bt709"}},
           {"601.mkv", "scale=out_color_matrix=bt601,format=yuv420p", {"-colorspace", "smpte170m"}},
           {"sd.mkv", "scale=out_color_matrix=bt601,format=yuv420p", {}},
           {"444.mkv", "scale=out_color_matrix=bt709,format=yuv444p", {"-colorspace", "bt709"}},
           {"422.mkv", "scale=out_color_matrix=bt601,format=yuv422p10le", {}},
           {"10.mkv", "scale=out_color_matrix=bt709,format=yuv420p10le", {"-colorspace", "bt709"}},
           {"2020.mkv",
            "scale=out_color_matrix=bt2020,format=yuv420p10le",
            {"-colorspace", "bt2020nc"}},
           {"full.mkv",
            "scale=out_color_matrix=bt709:out_range=full,format=yuv420p",
            {"-colorspace", "bt709", "-color_range", "pc"}},
           {"full10.mkv",
            "scale=out_color_matrix=bt709:out_range=full,format=yuv444p10le",
            {"-colorspace", "bt709", "-color_range", "pc"}},
           {"j.mkv", "scale=out_range=full,format=yuvj422p", {"-c:v", "mjpeg", "-q:v", "1"}},
           {"rgb.mkv", "format=gbrp", {"-c:v", "libx264rgb", "-qp", "0"}}}) {
    std::vector<std::string> options = ffv1;
    options.insert(options.end(), way.options.begin(), way.options.end());
    const Shot shot = Take(Open(
        Made(way.name, absl::StrCat("color=0xE08020:s=80x60,format=gbrp,", way.filter), options)));
    EXPECT_NEAR(shot.Y(20, 20), 137, 2) << way.name;
    EXPECT_NEAR(shot.U(20, 20), 76, 2) << way.name;
    EXPECT_NEAR(shot.V(20, 20), 172, 2) << way.name;
  }
}

// Four corners, four greys: which went where.
constexpr char kCorners[] =
    "color=s=64x48:r=25,format=yuv420p,geq=lum='40+150*gte(X,32)+40*gte(Y,24)':cb=128:cr=128";

std::vector<int> Corners(const Shot& shot) {
  std::vector<int> corners;
  for (const auto& [x, y] : {std::pair(8, 8), {56, 8}, {8, 40}, {56, 40}}) {
    corners.push_back(static_cast<int>(std::lround((shot.Y(x, y) - 40) / 10.0)));
  }
  return corners;
}

TEST_F(ClipPictureTest, PicturesAreTurnedAsTheirFileSays) {
  using ::testing::ElementsAre;
  const std::string flat =
      Made("flat.mp4", kCorners, {"-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"});
  EXPECT_THAT(Corners(Take(Open(flat))), ElementsAre(0, 15, 4, 19));
  const auto turned = [&](const char* degrees) {
    return Corners(Take(Open(files_.Make(
        absl::StrCat("turned", degrees, ".mp4"),
        {"-i", flat, "-c", "copy", "-metadata:s:v:0", absl::StrCat("rotate=", degrees)}))));
  };
  // As the ffmpeg program shows them.
  EXPECT_THAT(turned("90"), ElementsAre(15, 19, 0, 4));
  EXPECT_THAT(turned("180"), ElementsAre(19, 4, 15, 0));
  EXPECT_THAT(turned("270"), ElementsAre(4, 0, 19, 15));
}

TEST_F(ClipPictureTest, FitsCoverWhatTheySay) {
  // Twice as wide as high; the box is 64 × 48.
  const std::string wide =
      Made("wide.mkv", "color=white:s=100x50,format=yuv420p", {"-c:v", "ffv1"});
  EXPECT_EQ(Open(wide, Fit::kCover).bounds(), (IntRect{0, 0, 64, 48}));
  EXPECT_EQ(Open(wide, Fit::kFill).bounds(), (IntRect{0, 0, 64, 48}));
  EXPECT_EQ(Open(wide, Fit::kContain).bounds(), (IntRect{0, 8, 64, 32}));
  EXPECT_EQ(Open(wide, Fit::kContainBlur).bounds(), (IntRect{0, 0, 64, 48}));
  EXPECT_EQ(Open(wide, Fit::kNone).bounds(), (IntRect{0, 0, 64, 48}));
  EXPECT_EQ(Open(wide, Fit::kNone, {0, 0, 200, 80}).bounds(), (IntRect{50, 16, 100, 50}));
}

TEST_F(ClipPictureTest, CoverShowsTheMiddle) {
  const std::string path = Made("wide.mkv",
                                "color=s=192x48:r=25,format=yuv420p,"
                                "geq=lum='if(between(X,64,127),200,30)':cb=128:cr=128",
                                {"-c:v", "ffv1"});
  const Shot shot = Take(Open(path, Fit::kCover));
  EXPECT_NEAR(shot.Y(2, 20), 200, 2);
  EXPECT_NEAR(shot.Y(61, 20), 200, 2);
}

TEST_F(ClipPictureTest, BlurFillsWhatTheClipLeaves) {
  const std::string path = Made("wide.mkv",
                                "color=s=96x24:r=25,format=yuv420p,"
                                "geq=lum='40+mod(X,8)*25':cb=128:cr=128",
                                {"-c:v", "ffv1"});
  const Shot shot = Take(Open(path, Fit::kContainBlur));
  int low = 255, high = 0;
  for (int x = 8; x < 56; ++x) {
    low = std::min(low, shot.Y(x, 4));
    high = std::max(high, shot.Y(x, 4));
  }
  EXPECT_LT(high - low, 30) << "stripes are seen through the blur";
  EXPECT_NEAR((high + low) / 2, 127, 20);
}

TEST_F(ClipPictureTest, OddSizesAreShownToTheirEdges) {
  const std::string path = Made("odd.mkv", "color=white:s=51x37,format=yuv420p", {"-c:v", "ffv1"});
  const Shot shot = Take(Open(path, Fit::kFill));
  for (const auto& [x, y] : {std::pair(0, 0), {63, 0}, {0, 47}, {63, 47}}) {
    EXPECT_NEAR(shot.Y(x, y), 235, 1) << x << ", " << y;
  }
}

TEST_F(ClipPictureTest, OpacityMixesWithWhatIsBelow) {
  const std::string path =
      Made("white.mkv", "color=white:s=64x48,format=yuv420p", {"-c:v", "ffv1"});
  EXPECT_NEAR(Take(Open(path), 0, 128).Y(10, 10), (128 + 235) / 2, 1);
}

TEST_F(ClipPictureTest, TransparentClipsLetThroughWhatIsBelow) {
  const std::string source =
      "color=red:s=64x48:r=25,format=yuva444p,geq=lum='p(X,Y)':cb='p(X,Y)':cr='p(X,Y)':"
      "a='255*gte(X,32)'";
  for (const auto& [name, options] : std::vector<std::pair<const char*, std::vector<std::string>>>{
           {"a.mov", {"-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"}},
           {"a.webm", {"-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-cpu-used", "8"}}}) {
    ClipPicture picture = Open(Made(name, source, options));
    EXPECT_FALSE(picture.opaque()) << name;
    const Shot shot = Take(std::move(picture));
    EXPECT_EQ(shot.Y(8, 8), 128) << name;
    EXPECT_EQ(shot.V(8, 8), 128) << name;
    EXPECT_NEAR(shot.Y(56, 8), 63, 4) << name;
    EXPECT_NEAR(shot.V(56, 8), 240, 5) << name;
  }
}

}  // namespace
}  // namespace rn

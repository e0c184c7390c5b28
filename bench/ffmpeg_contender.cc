// The `ffmpeg` command line, with the graph that comes to mind first, and with the cheapest one
// that was found: stills laid out once and repeated in the encoder's own format, texts drawn
// beforehand and laid over where they stand, one thread.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "bench/contender_assets.h"
#include "bench/contenders.h"

namespace rn {
namespace {

// Inputs and filters of one command line; what is added last has the highest number.
class Graph {
 public:
  int AddInput(const std::filesystem::path& path, const std::vector<std::string>& options = {}) {
    arguments_.insert(arguments_.end(), options.begin(), options.end());
    arguments_.insert(arguments_.end(), {"-i", path});
    return inputs_++;
  }
  // A still, as a video of `seconds`.
  int AddLoopedStill(const std::filesystem::path& path, double seconds) {
    return AddInput(path,
                    {"-loop", "1", "-framerate", "30", "-t", absl::StrFormat("%.4f", seconds)});
  }
  void AddFilters(std::string filters) { filters_.push_back(std::move(filters)); }

  // Narration over music that ducks under it; ends in [a].
  void AddSound(const ContenderAssets& assets, double seconds) {
    const int narration = AddInput(assets.narration);
    const int music = AddInput(assets.music, {"-stream_loop", "-1"});
    AddFilters(absl::StrFormat(
        "[%d:a]aresample=48000,aformat=channel_layouts=stereo,apad=whole_dur=%g,"
        "asplit=2[key][speech];[%d:a]volume=0.5,atrim=0:%g[music];"
        "[music][key]sidechaincompress=threshold=0.03:ratio=8:attack=20:release=400[ducked];"
        "[ducked][speech]amix=inputs=2:normalize=0,afade=t=out:st=%g:d=1[a]",
        narration,
        seconds,
        music,
        seconds,
        seconds - 1));
  }

  const std::vector<std::string>& arguments() const { return arguments_; }
  std::string filters() const { return absl::StrJoin(filters_, ";"); }

 private:
  int inputs_ = 0;
  std::vector<std::string> arguments_, filters_;
};

// A still that was laid out once, shown on every frame.
std::string Repeated(int frames) {
  return absl::StrFormat("loop=loop=%d:size=1,setpts=N/30/TB,fps=30,settb=1/30", frames - 1);
}

std::string CaptionTimes(std::size_t i) {
  const double begin = static_cast<double>(i) * kCaptionSeconds;
  return absl::StrFormat("enable='gte(t,%g)*lt(t,%g)'", begin, begin + kCaptionSeconds);
}

constexpr char kKeyframeInterval[] = "60";  // as ours: 2 s

constexpr char kBand[] = "drawbox=x=64:y=912:w=1792:h=144:color=black@0.55:t=fill";
constexpr char kTitleSlide[] = "'-200+264*(1-pow(1-min(t,1),2))'";

std::string KenBurns(int frames) {
  return absl::StrFormat(
      "zoompan=z='1+0.12*on/%d':x='iw/2-(iw/zoom/2)':y='ih/2-(ih/zoom/2)':"
      "d=%d:s=960x720:fps=30",
      frames,
      frames);
}

// ------------------------------------------------------------------- S1
void AddPromo(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  const int backdrop = graph->AddLoopedStill(assets.backdrop, size.seconds);
  const int photo = graph->AddInput(assets.photos[0]);
  std::vector<std::string> texts;
  for (int line = 0; line < 2; ++line) {
    texts.push_back(DrawText(
        kTitleLines[line],
        72,
        true,
        absl::StrCat("alpha='min(t,1)':x=", kTitleSlide, ":y=", kTitleY + 16 + 88 * line)));
  }
  for (std::size_t i = 0; i < kCaptions.size(); ++i) {
    texts.push_back(DrawText(
        kCaptions[i], 48, false, absl::StrCat("x=(w-text_w)/2:y=984-text_h/2:", CaptionTimes(i))));
  }
  graph->AddFilters(
      absl::StrFormat("[%d:v]%s[photo];[%d:v][photo]overlay=896:144:shortest=1,%s,%s[v]",
                      photo,
                      KenBurns(FramesOf(size)),
                      backdrop,
                      kBand,
                      absl::StrJoin(texts, ",")));
}

void AddTunedPromo(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  const int frames = FramesOf(size);
  const int backdrop = graph->AddInput(assets.backdrop);
  const int photo = graph->AddInput(assets.photos[0]);
  const int title = graph->AddInput(assets.title);
  graph->AddFilters(
      absl::StrFormat("[%d:v]format=yuv420p,%s,%s[backdrop];"
                      "[%d:v]format=yuv420p,%s[photo];"
                      "[backdrop][photo]overlay=896:144:format=yuv420:shortest=1[v0]",
                      backdrop,
                      kBand,
                      Repeated(frames),
                      photo,
                      KenBurns(frames)));
  // The title moves for a second; its last picture is repeated for nothing.
  graph->AddFilters(
      absl::StrFormat("[%d:v]format=yuva420p,%s,fade=t=in:d=1:alpha=1[title];"
                      "[v0][title]overlay=x=%s:y=%d:format=yuv420:"
                      "eof_action=repeat[v1]",
                      title,
                      Repeated(31),
                      kTitleSlide,
                      kTitleY));
  std::string below = "v1";
  for (std::size_t i = 0; i < assets.captions.size(); ++i) {
    const int caption = graph->AddInput(assets.captions[i]);
    const std::string above =
        i + 1 == assets.captions.size() ? std::string("v") : absl::StrCat("v", i + 2);
    graph->AddFilters(
        absl::StrFormat("[%d:v]format=yuva420p[c%d];[%s][c%d]overlay=x=410:y=944:format=yuv420:"
                        "eof_action=repeat:%s[%s]",
                        caption,
                        i,
                        below,
                        i,
                        CaptionTimes(i),
                        above));
    below = above;
  }
}

// ------------------------------------------------------------------- S2
// [s0] … faded into one another.
void AddFades(const ScenarioSize& size, Graph* graph) {
  std::string below = "s0";
  double end = SlideSeconds(size, 0);
  for (int i = 1; i < kSlides; ++i) {
    const std::string above = i + 1 == kSlides ? std::string("v") : absl::StrCat("x", i);
    graph->AddFilters(absl::StrFormat("[%s][s%d]xfade=transition=fade:duration=%g:offset=%g[%s]",
                                      below,
                                      i,
                                      FadeSeconds(size),
                                      end - FadeSeconds(size),
                                      above));
    end += SlideSeconds(size, i) - FadeSeconds(size);
    below = above;
  }
}

std::string SlideText(int i) {
  return DrawText(absl::StrCat("Slide number ", i + 1),
                  72,
                  false,
                  "x=(w-text_w)/2:y=918-text_h/2:box=1:boxcolor=black@0.63:boxborderw=18");
}

constexpr char kCover[] = "scale=1920:1080:force_original_aspect_ratio=increase,crop=1920:1080";

void AddSlides(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  for (int i = 0; i < kSlides; ++i) {
    const int photo =
        graph->AddLoopedStill(assets.photos[static_cast<std::size_t>(i)], SlideSeconds(size, i));
    graph->AddFilters(
        absl::StrFormat("[%d:v]%s,%s,format=yuv420p,fps=30[s%d]", photo, kCover, SlideText(i), i));
  }
  AddFades(size, graph);
}

void AddTunedSlides(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  for (int i = 0; i < kSlides; ++i) {
    const int photo = graph->AddInput(assets.photos[static_cast<std::size_t>(i)]);
    ScenarioSize slide = size;
    slide.seconds = SlideSeconds(size, i);
    graph->AddFilters(absl::StrFormat("[%d:v]%s,format=yuv420p,%s,%s[s%d]",
                                      photo,
                                      kCover,
                                      SlideText(i),
                                      Repeated(FramesOf(slide)),
                                      i));
  }
  AddFades(size, graph);
}

// ------------------------------------------------------------------- S3
std::string LowerThirdSlide(const ScenarioSize& size) {
  const double leave = size.seconds - LeaveSeconds(size);
  return absl::StrFormat(
      "overlay=x=0:y='if(lt(t,0.5),1080-280*2*t,if(lt(t,%g),800,800+280*(t-%g)/%g))'",
      leave,
      leave,
      LeaveSeconds(size));
}

void AddClip(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  const int clip = graph->AddInput(assets.clip);
  const int lower = graph->AddLoopedStill(assets.lower_third, size.seconds);
  graph->AddFilters(absl::StrFormat("[%d:v][%d:v]%s[v]", clip, lower, LowerThirdSlide(size)));
}

void AddTunedClip(const ContenderAssets& assets, const ScenarioSize& size, Graph* graph) {
  const int clip = graph->AddInput(assets.clip);
  const int lower = graph->AddInput(assets.lower_third);
  graph->AddFilters(
      absl::StrFormat("[%d:v]format=yuva420p[lower];"
                      "[%d:v][lower]%s:format=yuv420:eof_action=repeat[v]",
                      lower,
                      clip,
                      LowerThirdSlide(size)));
}

// -------------------------------------------------------------------
class FfmpegContender final : public Contender {
 public:
  explicit FfmpegContender(bool tuned) : tuned_(tuned) {}

  std::string name() const override { return tuned_ ? "ffmpeg CLI, tuned" : "ffmpeg CLI"; }

  absl::Status Prepare(const Scenario& scenario, const std::filesystem::path& folder) override {
    RETURN_IF_ERROR(FindProgram("ffmpeg").status());
    ASSIGN_OR_RETURN(const ContenderAssets assets, MakeContenderAssets(scenario, folder));
    Graph graph;
    const ScenarioSize& size = scenario.size;
    if (scenario.name == "S1") (tuned_ ? AddTunedPromo : AddPromo)(assets, size, &graph);
    if (scenario.name == "S2") (tuned_ ? AddTunedSlides : AddSlides)(assets, size, &graph);
    if (scenario.name == "S3") (tuned_ ? AddTunedClip : AddClip)(assets, size, &graph);
    graph.AddSound(assets, size.seconds);
    arguments_ = {"ffmpeg", "-v", "error", "-nostdin", "-y"};
    if (tuned_) arguments_.insert(arguments_.end(), {"-filter_complex_threads", "1"});
    arguments_.insert(arguments_.end(), graph.arguments().begin(), graph.arguments().end());
    arguments_.insert(arguments_.end(),
                      {"-filter_complex",
                       graph.filters(),
                       "-map",
                       "[v]",
                       "-map",
                       "[a]",
                       "-t",
                       absl::StrCat(size.seconds),
                       "-c:v",
                       "libx264",
                       "-preset",
                       "veryfast",
                       "-crf",
                       "23",
                       "-pix_fmt",
                       "yuv420p",
                       "-g",
                       kKeyframeInterval,
                       "-c:a",
                       "aac",
                       "-b:a",
                       "192k",
                       "-ar",
                       "48000",
                       "-ac",
                       "2",
                       "-movflags",
                       "+faststart"});
    if (tuned_) arguments_.insert(arguments_.end(), {"-threads", "1"});
    return absl::OkStatus();
  }

  ChildCommand Command(const std::filesystem::path& output) const override {
    ChildCommand command{.argv = arguments_};
    command.argv.push_back(output);
    return command;
  }

 private:
  const bool tuned_;
  std::vector<std::string> arguments_;  // of the scenario that was prepared last
};

}  // namespace

std::unique_ptr<Contender> MakeFfmpegContender() {
  return std::make_unique<FfmpegContender>(false);
}

std::unique_ptr<Contender> MakeTunedFfmpegContender() {
  return std::make_unique<FfmpegContender>(true);
}

}  // namespace rn

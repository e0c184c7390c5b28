// MLT's `melt`, from a project file as its editors (Kdenlive, Shotcut) write them.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/contender_assets.h"
#include "bench/contenders.h"

namespace rn {
namespace {

using Properties = std::vector<std::pair<const char*, std::string>>;

std::string Xml(const Properties& properties) {
  std::string xml;
  for (const auto& [name, value] : properties) {
    absl::StrAppend(&xml, "<property name=\"", name, "\">", value, "</property>");
  }
  return xml;
}

// A source of `frames` frames.
std::string Producer(absl::string_view id,
                     int frames,
                     Properties properties,
                     absl::string_view filter = "") {
  properties.emplace_back("length", absl::StrCat(frames));
  return absl::StrFormat("<producer id=\"%s\" in=\"0\" out=\"%d\">%s%s</producer>",
                         id,
                         frames - 1,
                         Xml(properties),
                         filter);
}

std::string Text(absl::string_view id,
                 int frames,
                 absl::string_view text,
                 int size,
                 bool bold,
                 absl::string_view background = "0x00000000") {
  return Producer(id,
                  frames,
                  {{"mlt_service", "pango"},
                   {"resource", ""},
                   {"text", std::string(text)},
                   {"family", "Inter"},
                   {"weight", bold ? "700" : "400"},
                   {"size", absl::StrCat(size)},
                   {"fgcolour", "0xffffffff"},
                   {"bgcolour", std::string(background)},
                   {"pad", "8"}});
}

std::string Entry(absl::string_view producer, int frames) {
  return absl::StrFormat("<entry producer=\"%s\" in=\"0\" out=\"%d\"/>", producer, frames - 1);
}

std::string Blank(int frames) {
  return absl::StrFormat("<blank length=\"%d\"/>", frames);
}

std::string Playlist(absl::string_view id, absl::string_view entries) {
  return absl::StrFormat("<playlist id=\"%s\">%s</playlist>", id, entries);
}

// Lays track `above` over track 0.
std::string Composite(int above, absl::string_view geometry, Properties properties = {}) {
  properties.insert(properties.begin(),
                    {{"mlt_service", "composite"},
                     {"a_track", "0"},
                     {"b_track", absl::StrCat(above)},
                     {"geometry", std::string(geometry)},
                     {"progressive", "1"},
                     {"sliced_composite", "1"}});
  return absl::StrCat("<transition>", Xml(properties), "</transition>");
}

std::string Mix(int track) {
  return absl::StrCat("<transition>",
                      Xml({{"mlt_service", "mix"},
                           {"a_track", "0"},
                           {"b_track", absl::StrCat(track)},
                           {"always_active", "1"},
                           {"sum", "1"}}),
                      "</transition>");
}

std::string Tractor(absl::string_view id,
                    int frames,
                    const std::vector<std::string>& tracks,
                    absl::string_view transitions) {
  std::string xml = absl::StrFormat("<tractor id=\"%s\" in=\"0\" out=\"%d\">", id, frames - 1);
  for (const std::string& track : tracks)
    absl::StrAppend(&xml, "<track producer=\"", track, "\"/>");
  return absl::StrCat(xml, transitions, "</tractor>");
}

const Properties kStretch = {{"distort", "1"}};
const Properties kCentre = {{"halign", "centre"}, {"valign", "centre"}};

// A project: what its tracks show, bottom to top, and how they are laid over one another.
struct Project {
  std::string definitions;
  std::vector<std::string> tracks;
  std::string transitions;
};

void AddSound(const ContenderAssets& assets, int frames, Project* project) {
  absl::StrAppend(
      &project->definitions,
      Producer("narration", frames, {{"mlt_service", "avformat"}, {"resource", assets.narration}}),
      Producer(
          "music",
          frames,
          {{"mlt_service", "avformat"}, {"resource", assets.music}},
          absl::StrFormat(
              "<filter>%s</filter>",
              Xml({{"mlt_service", "volume"},
                   {"level", absl::StrFormat("0=-18;%d=-18;%d=-40", frames - 30, frames - 1)}}))));
  for (const char* track : {"narration", "music"}) {
    absl::StrAppend(&project->definitions,
                    Playlist(absl::StrCat(track, "_track"), Entry(track, frames)));
    project->tracks.push_back(absl::StrCat(track, "_track"));
    absl::StrAppend(&project->transitions, Mix(static_cast<int>(project->tracks.size()) - 1));
  }
}

Project Promo(const ContenderAssets& assets, const ScenarioSize& size) {
  const int frames = FramesOf(size);
  const std::string zoom = absl::StrFormat(
      "<filter>%s</filter>",
      Xml({{"mlt_service", "affine"},
           {"transition.distort", "1"},
           {"transition.rect",
            absl::StrFormat("0=0 0 1920 1080 1;%d=-115.2 -64.8 2150.4 1209.6 1", frames - 1)}}));
  Project project;
  project.definitions = absl::StrCat(
      Producer("backdrop", frames, {{"mlt_service", "pixbuf"}, {"resource", assets.backdrop}}),
      Producer("photo", frames, {{"mlt_service", "pixbuf"}, {"resource", assets.photos[0]}}, zoom),
      Producer("band", frames, {{"mlt_service", "color"}, {"resource", "#8c000000"}}),
      Text("title", frames, absl::StrJoin(kTitleLines, "\n"), 72, true));
  const int page = static_cast<int>(kCaptionSeconds * 30);
  std::string captions;
  for (int i = 0; i * page < frames; ++i) {
    const std::string id = absl::StrCat("caption", i);
    const int shown = std::min(page, frames - i * page);
    absl::StrAppend(
        &project.definitions,
        Text(id, shown, kCaptions[static_cast<std::size_t>(i) % kCaptions.size()], 48, false));
    absl::StrAppend(&captions, Entry(id, shown));
  }
  for (const char* track : {"backdrop", "photo", "band", "title"}) {
    absl::StrAppend(&project.definitions,
                    Playlist(absl::StrCat(track, "_track"), Entry(track, frames)));
    project.tracks.push_back(absl::StrCat(track, "_track"));
  }
  absl::StrAppend(&project.definitions, Playlist("captions", captions));
  project.tracks.emplace_back("captions");
  project.transitions = absl::StrCat(
      Composite(1, "896/144:960x720:100", kStretch),
      Composite(2, "64/912:1792x144:100", kStretch),
      Composite(3,
                absl::StrFormat("0=-200/208:800x192:0;30=64/208:800x192:100;%d=64/208:800x192:100",
                                frames - 1),
                {{"halign", "left"}}),
      Composite(4, "64/912:1792x144:100", kCentre));
  return project;
}

// Slides on two tracks in turn; where they overlap, one fades into the other.
Project Slides(const ContenderAssets& assets, const ScenarioSize& size) {
  Project project;
  std::string tracks[2];
  int ends[2] = {0, 0};
  int begin = 0;
  // Cut to the frame's shape; without it there would be bars on both sides.
  const std::string fill =
      absl::StrFormat("<filter>%s</filter>", Xml({{"mlt_service", "crop"}, {"center", "1"}}));
  for (int i = 0; i < kSlides; ++i) {
    ScenarioSize slide = size;
    slide.seconds = SlideSeconds(size, i);
    const int frames = FramesOf(slide);
    slide.seconds = FadeSeconds(size);
    const int fade = FramesOf(slide);
    const std::string id = absl::StrCat("slide", i);
    absl::StrAppend(
        &project.definitions,
        Producer(
            id + "_photo",
            frames,
            {{"mlt_service", "pixbuf"}, {"resource", assets.photos[static_cast<std::size_t>(i)]}},
            fill),
        Text(id + "_text", frames, absl::StrCat("Slide number ", i + 1), 72, false, "0x000000a0"),
        Playlist(id + "_photos", Entry(id + "_photo", frames)),
        Playlist(id + "_texts", Entry(id + "_text", frames)),
        Tractor(id,
                frames,
                {id + "_photos", id + "_texts"},
                Composite(1, "0/810:1920x216:100", kCentre)));
    if (i > 0) {
      begin -= fade;
      absl::StrAppend(&project.transitions,
                      absl::StrFormat("<transition in=\"%d\" out=\"%d\">", begin, begin + fade - 1),
                      Xml({{"mlt_service", "luma"},
                           {"a_track", "0"},
                           {"b_track", "1"},
                           {"reverse", i % 2 == 0 ? "1" : "0"}}),
                      "</transition>");
    }
    if (begin > ends[i % 2]) absl::StrAppend(&tracks[i % 2], Blank(begin - ends[i % 2]));
    absl::StrAppend(&tracks[i % 2], Entry(id, frames));
    begin += frames;
    ends[i % 2] = begin;
  }
  absl::StrAppend(&project.definitions, Playlist("even", tracks[0]), Playlist("odd", tracks[1]));
  project.tracks = {"even", "odd"};
  return project;
}

Project Clip(const ContenderAssets& assets, const ScenarioSize& size) {
  const int frames = FramesOf(size);
  Project project;
  project.definitions = absl::StrCat(
      Producer("clip",
               frames,
               {{"mlt_service", "avformat"}, {"resource", assets.clip}, {"audio_index", "-1"}}),
      Producer("lower", frames, {{"mlt_service", "pixbuf"}, {"resource", assets.lower_third}}),
      Playlist("clip_track", Entry("clip", frames)),
      Playlist("lower_track", Entry("lower", frames)));
  project.tracks = {"clip_track", "lower_track"};
  project.transitions =
      Composite(1,
                absl::StrFormat("0=0/1080:1920x200:100;15=0/800:1920x200:100;%d=0/800:1920x200:100;"
                                "%d=0/1080:1920x200:100",
                                frames - 1 - static_cast<int>(LeaveSeconds(size) * 30),
                                frames - 1),
                kStretch);
  return project;
}

class MeltContender final : public Contender {
 public:
  std::string name() const override { return "MLT melt"; }

  absl::Status Prepare(const Scenario& scenario, const std::filesystem::path& folder) override {
    RETURN_IF_ERROR(FindProgram("melt").status());
    ASSIGN_OR_RETURN(const ContenderAssets assets, MakeContenderAssets(scenario, folder));
    const int frames = FramesOf(scenario.size);
    Project project = scenario.name == "S1"   ? Promo(assets, scenario.size)
                      : scenario.name == "S2" ? Slides(assets, scenario.size)
                                              : Clip(assets, scenario.size);
    AddSound(assets, frames, &project);
    file_ = folder / absl::StrCat(scenario.name, ".mlt");
    return WriteFileDurably(
        file_,
        absl::StrCat("<?xml version=\"1.0\"?>\n<mlt producer=\"main\">",
                     "<profile width=\"1920\" height=\"1080\" progressive=\"1\" ",
                     "sample_aspect_num=\"1\" sample_aspect_den=\"1\" display_aspect_num=\"16\" ",
                     "display_aspect_den=\"9\" frame_rate_num=\"30\" frame_rate_den=\"1\" ",
                     "colorspace=\"709\"/>",
                     project.definitions,
                     Tractor("main", frames, project.tracks, project.transitions),
                     "</mlt>\n"));
  }

  ChildCommand Command(const std::filesystem::path& output) const override {
    return {.argv = {"melt",
                     "-silent",
                     file_,
                     "-consumer",
                     absl::StrCat("avformat:", output.string()),
                     "vcodec=libx264",
                     "preset=veryfast",
                     "crf=23",
                     "g=60",  // as ours: 2 s
                     "pix_fmt=yuv420p",
                     "acodec=aac",
                     "ab=192k",
                     "ar=48000",
                     "channels=2",
                     "movflags=+faststart",
                     "real_time=-1",
                     "threads=0",
                     "terminate_on_pause=1"},
            .environment = {"QT_QPA_PLATFORM=offscreen"}};
  }

 private:
  std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<Contender> MakeMeltContender() {
  return std::make_unique<MeltContender>();
}

}  // namespace rn

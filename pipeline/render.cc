#include "pipeline/render.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/audio_encoder.h"
#include "pipeline/audio_mix.h"
#include "pipeline/captions.h"
#include "pipeline/compositor.h"
#include "pipeline/muxer.h"
#include "pipeline/narration.h"
#include "pipeline/scene.h"
#include "pipeline/side_pictures.h"
#include "pipeline/still_plan.h"
#include "pipeline/timeline.h"
#include "pipeline/usage.h"
#include "proto/item_error.h"
#include "template/composition.h"
#include "template/template_model.h"

namespace rn {
namespace {

using Progress = absl::FunctionRef<void(const RenderProgress&)>;

constexpr absl::Duration kKeyframeInterval = absl::Seconds(2);  // CDNs cut there.
constexpr std::int64_t kFramesPerReport = 15;
// Of all frames. A stream that can leave out repeats does without some of libx264's ways to save
// bits where everything moves: with fewer repeats than this it is not worth it.
constexpr double kRepeatsMin = 0.2;

// What the engines could not do as asked, by element.
void AddSpeechWarnings(const Composition& composition,
                       const SpeechTracks& tracks,
                       rendernode::ItemResult& result) {
  for (const VoiceCue& cue : composition.voices()) {
    for (const std::string& warning : tracks.at(cue.id).warnings) {
      result.add_warnings(absl::StrCat(cue.pointer, ": ", warning));
    }
  }
}

absl::StatusOr<HardwarePolicy> PolicyOf(const OutputSettings& output) {
  if (output.hardware == "required") return HardwarePolicy::kRequired;
  if (output.hardware == "preferred") return HardwarePolicy::kPreferred;
  if (output.hardware == "off") return HardwarePolicy::kOff;
  return absl::InvalidArgumentError(
      absl::StrCat("/output/video/hardware: ",
                   UnknownName("policy", output.hardware, {"required", "preferred", "off"})));
}

// Encoders, the muxer and the disk fail under one code; what is painted has its own.
absl::Status Encoding(absl::Status status) {
  return WithItemError(std::move(status), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
}
template <class T>
absl::StatusOr<T> Encoding(absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return Encoding(std::move(result).status());
}

absl::Duration TimeOfFrame(const Scene& scene, std::int64_t n) {
  return absl::Seconds(n) * scene.frame_rate().den / scene.frame_rate().num;
}

EncodeParams ParamsFor(const Scene& scene,
                       const StillPlan& stills,
                       const OutputSettings& output,
                       int threads) {
  return {.width = scene.width(),
          .height = scene.height(),
          .frame_rate = scene.frame_rate(),
          .crf = output.crf,
          .bitrate_bps = output.video_bitrate_bps,
          .keyframe_interval_frames =
              static_cast<int>(NearestFrame(kKeyframeInterval, scene.frame_rate())),
          .threads = threads,
          .elision = output.elision,
          .repeats = stills.repeats() >= kRepeatsMin};
}

FrameChange ChangeOf(std::int64_t n, absl::Span<const IntRect> damage, const StillPlan& stills) {
  return {.damage = damage,
          .stands = stills.StandsFrom(n),
          .frames_after = stills.FramesAfter(n),
          .pictures_after = stills.PicturesAfter(n),
          .travels = stills.Travels(n)};
}

// Frames and sound into the muxer side by side, so that neither has to be kept.
absl::Status EncodeStreams(const Scene& scene,
                           const StillPlan& stills,
                           Compositor& compositor,
                           VideoEncoder& video,
                           AudioEncoder& audio,
                           Muxer& muxer,
                           SidePictures& pictures,
                           Progress progress) {
  const auto write_video = [&](AVPacket& packet) { return muxer.WriteVideo(packet); };
  const auto write_audio = [&](AVPacket& packet) { return muxer.WriteAudio(packet); };
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    ASSIGN_OR_RETURN(const EncoderFrame frame, video.Acquire());
    ASSIGN_OR_RETURN(std::vector<IntRect> damage, compositor.Paint(n, frame.view, frame.holds));
    if (frame.holds.has_value() && *frame.holds != n - 1) {
      ASSIGN_OR_RETURN(damage, compositor.Damage(n - 1, n));
    }
    if (pictures.Wants(n)) {
      RETURN_IF_ERROR(Encoding(pictures.Take(n, frame.view)));
    }
    RETURN_IF_ERROR(Encoding(video.Submit(n, ChangeOf(n, damage, stills), write_video)));
    RETURN_IF_ERROR(Encoding(audio.EncodeUntil(TimeOfFrame(scene, n + 1), write_audio)));
    if (n % kFramesPerReport == 0 || n + 1 == scene.frame_count()) {
      progress({rendernode::RENDERING, n + 1, scene.frame_count(), TimeOfFrame(scene, n + 1)});
    }
  }
  RETURN_IF_ERROR(Encoding(video.Finish(write_video)));
  return Encoding(audio.Finish(write_audio));
}

absl::Status AddArtifact(rendernode::Artifact::Type type,
                         const std::filesystem::path& path,
                         absl::string_view content_type,
                         rendernode::ItemResult& result) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) {
    return ErrnoStatus(error.value(), path.string());
  }
  ASSIGN_OR_RETURN(const std::string sha256, Sha256File(path));
  rendernode::Artifact& artifact = *result.add_artifacts();
  artifact.set_type(type);
  artifact.set_path(path.string());
  artifact.set_bytes(bytes);
  artifact.set_sha256(sha256);
  artifact.set_content_type(std::string(content_type));
  artifact.set_format(path.extension().string().substr(1));
  return absl::OkStatus();
}

absl::Status AddSidecars(const Scene& scene,
                         const SidecarSpec& sidecar,
                         const std::filesystem::path& directory,
                         rendernode::ItemResult& result) {
  if (sidecar.srt) {
    RETURN_IF_ERROR(WriteFileDurably(directory / "captions.srt", ToSrt(scene.caption_pages())));
    RETURN_IF_ERROR(AddArtifact(rendernode::Artifact::CAPTIONS,
                                directory / "captions.srt",
                                "application/x-subrip",
                                result));
  }
  if (sidecar.vtt) {
    RETURN_IF_ERROR(WriteFileDurably(directory / "captions.vtt", ToVtt(scene.caption_pages())));
    RETURN_IF_ERROR(AddArtifact(
        rendernode::Artifact::CAPTIONS, directory / "captions.vtt", "text/vtt", result));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<rendernode::Utterances> UtterancesFor(const RenderRequest& request,
                                                     const SpeechEngines& engines) {
  ASSIGN_OR_RETURN(const Template tmpl,
                   Template::Parse(request.job.template_json(), &InstalledFontFamilies()));
  ASSIGN_OR_RETURN(const Composition composition,
                   tmpl.Bind({request.job, request.item, request.asset_paths}));
  return SpokenElsewhere(composition, request.job, engines);
}

absl::StatusOr<rendernode::ItemResult> Render(const RenderRequest& request,
                                              const RenderContext& context,
                                              Progress progress) {
  const UsageMeter meter(context.clock);
  const std::filesystem::path video_path = request.output_directory / "video.mp4";

  ASSIGN_OR_RETURN(const Template tmpl,
                   context.shared != nullptr
                       ? context.shared->BeginItem(request.job)
                       : Template::Parse(request.job.template_json(), &InstalledFontFamilies()));
  ASSIGN_OR_RETURN(const Composition composition,
                   tmpl.Bind({request.job, request.item, request.asset_paths}));
  progress({rendernode::SPEAKING});
  ASSIGN_OR_RETURN(const SpeechTracks tracks,
                   Speak(composition, request.job, context.speech, request.speech_paths));
  ASSIGN_OR_RETURN(const Scene scene, Scene::Resolve(composition, tracks, context.shared));
  if (context.shared != nullptr) context.shared->BeginScene(scene);
  const StillPlan stills(scene);
  progress({rendernode::RENDERING, 0, scene.frame_count()});

  const OutputSettings& output = composition.output();
  ASSIGN_OR_RETURN(const HardwarePolicy policy, PolicyOf(output));
  ASSIGN_OR_RETURN(const std::unique_ptr<MasteredMix> mix,
                   Master(scene.mix(), tracks, context.shared));
  ASSIGN_OR_RETURN(const DeviceChoice choice, Encoding(context.devices.Choose(policy)));
  ASSIGN_OR_RETURN(const auto audio, Encoding(AudioEncoder::Open(*mix, output.audio_bitrate_bps)));
  ASSIGN_OR_RETURN(const auto video,
                   Encoding(choice.device->OpenEncoder(
                       ParamsFor(scene, stills, output, context.encoder_threads))));
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene, context.shared));
  ASSIGN_OR_RETURN(const auto muxer,
                   Encoding(Muxer::Open(video_path.string(), {video->codec(), audio->codec()})));
  SidePictures pictures(scene, output, request.output_directory);
  RETURN_IF_ERROR(
      EncodeStreams(scene, stills, *compositor, *video, *audio, *muxer, pictures, progress));
  RETURN_IF_ERROR(Encoding(muxer->Finish()));

  rendernode::ItemResult result;
  result.set_outcome(rendernode::SUCCEEDED);
  RETURN_IF_ERROR(AddArtifact(rendernode::Artifact::VIDEO, video_path, "video/mp4", result));
  RETURN_IF_ERROR(
      AddArtifact(rendernode::Artifact::POSTER, pictures.poster(), "image/jpeg", result));
  if (pictures.preview()) {
    RETURN_IF_ERROR(
        AddArtifact(rendernode::Artifact::PREVIEW, *pictures.preview(), "image/jpeg", result));
  }
  RETURN_IF_ERROR(AddSidecars(scene, output.sidecar, request.output_directory, result));
  for (const std::vector<std::string>* warnings : {&scene.warnings(), &compositor->warnings()}) {
    result.mutable_warnings()->Add(warnings->begin(), warnings->end());
  }
  AddSpeechWarnings(composition, tracks, result);
  *result.mutable_usage() = meter.Measure();
  result.mutable_usage()->set_encoder(choice.device->info().encoder);
  result.mutable_usage()->set_encoder_reason(choice.reason);
  result.mutable_usage()->set_media_s(
      absl::ToDoubleSeconds(TimeOfFrame(scene, scene.frame_count())));
  result.mutable_usage()->set_frames(static_cast<std::uint32_t>(scene.frame_count()));
  return result;
}

}  // namespace rn

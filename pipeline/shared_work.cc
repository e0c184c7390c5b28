#include "pipeline/shared_work.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/status.h"
#include "pipeline/text.h"

namespace rn {
namespace {

// Rows differ in length by less than this as a rule: then the first one decodes enough for all.
constexpr absl::Duration kSoundStep = absl::Seconds(10);

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

SharedSound PartOf(std::shared_ptr<const AudioBuffer> buffer,
                   std::int64_t skipped,
                   const AudioRange& range) {
  const std::int64_t begin = std::min(skipped, buffer->frames());
  const std::int64_t frames = std::min(range.end - range.begin, buffer->frames() - begin);
  const auto samples = absl::Span<const float>(buffer->samples)
                           .subspan(static_cast<std::size_t>(begin) * kChannels,
                                    static_cast<std::size_t>(frames) * kChannels);
  return {std::move(buffer), samples};
}

}  // namespace

absl::StatusOr<FileStamp> FileStamp::Of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  return FileStamp{path,
                   info.st_dev,
                   info.st_ino,
                   info.st_size,
                   Nanoseconds(info.st_mtim),
                   Nanoseconds(info.st_ctim)};
}

absl::StatusOr<Template> SharedWork::BeginItem(const rendernode::JobSpec& job) {
  ++item_;
  if (template_ && job.job_id() == job_id_ && job.template_json() == template_json_) {
    return *template_;
  }
  entries_.clear();
  bytes_ = 0;
  template_.reset();
  ASSIGN_OR_RETURN(Template parsed, Template::Parse(job.template_json(), &InstalledFontFamilies()));
  job_id_ = job.job_id();
  template_json_ = job.template_json();
  template_.emplace(parsed);
  return parsed;
}

void SharedWork::BeginScene(const Scene& scene) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (!entry->shared && !Needs(scene, *entry)) Drop(entry);
    entry = next;
  }
}

bool SharedWork::Needs(const Scene& scene, const Entry& entry) {
  const auto heard = [&](const FileStamp& file) {
    const auto& cues = scene.mix().cues;
    return std::any_of(
        cues.begin(), cues.end(), [&](const AudioCue& cue) { return cue.file == file.path; });
  };
  const auto seen = [&](const auto& is) {
    return std::any_of(scene.elements().begin(), scene.elements().end(), is);
  };
  struct {
    decltype(heard)& heard_;
    decltype(seen)& seen_;
    bool operator()(const KeptSound& kept) const { return heard_(kept.file); }
    bool operator()(const KeptGain& kept) const { return heard_(kept.file); }
    bool operator()(const KeptClip& kept) const {
      return seen_([&](const Element& element) {
        const auto* video = std::get_if<VideoContent>(&element.content);
        return video != nullptr && video->index == kept.index;
      });
    }
    bool operator()(const KeptPixels& kept) const {
      return seen_([&](const Element& element) { return kept.AreOf(element); });
    }
  } const needs{heard, seen};
  return std::visit(needs, entry.kept);
}

bool SharedWork::KeptSound::Covers(const AudioRange& wanted) const {
  const bool to_its_end = buffer->frames() < range.end - range.begin;
  return range.begin <= wanted.begin && (wanted.end <= range.end || to_its_end);
}

absl::StatusOr<SharedSound> SharedWork::Sound(const std::string& path, const AudioRange& range) {
  ASSIGN_OR_RETURN(FileStamp stamp, FileStamp::Of(path));
  AudioRange wide = range;
  const auto of_file = [&](const KeptSound& kept) { return kept.file == stamp; };
  if (const KeptSound* kept = Find<KeptSound>(of_file)) {
    if (kept->Covers(range)) {
      ++found_;
      return PartOf(kept->buffer, range.begin - kept->range.begin, range);
    }
    wide.begin = std::min(range.begin, kept->range.begin);
    wide.end = std::max(range.end, kept->range.end);
    Drop(entries_.begin());
  }
  const std::int64_t step = ToSampleFrames(kSoundStep);
  wide.end = (wide.end + step - 1) / step * step;
  ASSIGN_OR_RETURN(AudioBuffer decoded, DecodeAudioRange(path, wide));
  ++made_;
  auto buffer = std::make_shared<const AudioBuffer>(std::move(decoded));
  Keep(KeptSound{std::move(stamp), wide, buffer}, buffer->samples.size() * sizeof(float));
  return PartOf(std::move(buffer), range.begin - wide.begin, range);
}

absl::StatusOr<double> SharedWork::MatchingGain(const std::string& path,
                                                const LoudnessMatch& match,
                                                absl::FunctionRef<double()> measure) {
  ASSIGN_OR_RETURN(FileStamp stamp, FileStamp::Of(path));
  const auto of_match = [&](const KeptGain& kept) {
    return kept.match == match && kept.file == stamp;
  };
  if (const KeptGain* kept = Find<KeptGain>(of_match)) {
    ++found_;
    return kept->gain;
  }
  const double gain = measure();
  ++made_;
  Keep(KeptGain{std::move(stamp), match, gain}, sizeof(Entry));
  return gain;
}

absl::StatusOr<std::shared_ptr<const ClipIndex>> SharedWork::Clip(const std::string& path) {
  ASSIGN_OR_RETURN(FileStamp stamp, FileStamp::Of(path));
  const auto of_file = [&](const KeptClip& kept) { return kept.file == stamp; };
  if (const KeptClip* kept = Find<KeptClip>(of_file)) {
    ++found_;
    return kept->index;
  }
  ASSIGN_OR_RETURN(ClipIndex read, ClipIndex::Read(path));
  ++made_;
  auto index = std::make_shared<const ClipIndex>(std::move(read));
  Keep(KeptClip{std::move(stamp), index}, sizeof(Entry) + index->bytes());
  return index;
}

absl::StatusOr<Layer> SharedWork::RasteriseLayer(const Element& element, const Draw& draw) {
  const auto make = [&] { return Layer::Rasterise(element, draw); };
  const bool part = draw.page >= 0 || draw.characters >= 0;
  return part ? make() : FindOrMake<Layer>(element, make);
}

absl::StatusOr<MovingPicture> SharedWork::LoadPicture(const Element& element) {
  return FindOrMake<MovingPicture>(element, [&] { return MovingPicture::Load(element); });
}

template <typename Pixels, typename Make>
absl::StatusOr<Pixels> SharedWork::FindOrMake(const Element& element, const Make& make) {
  std::optional<FileStamp> stamp;
  if (const auto* image = std::get_if<ImageContent>(&element.content)) {
    ASSIGN_OR_RETURN(stamp, FileStamp::Of(image->path));
  }
  const auto of_element = [&](const KeptPixels& kept) {
    return std::holds_alternative<Pixels>(kept.pixels) && kept.AreOf(element);
  };
  if (const KeptPixels* kept = Find<KeptPixels>(of_element)) {
    if (kept->file == stamp) {
      ++found_;
      return std::get<Pixels>(kept->pixels);
    }
    Drop(entries_.begin());
  }
  ASSIGN_OR_RETURN(Pixels pixels, make());
  ++made_;
  Keep(KeptPixels{element.content, element.box, std::move(stamp), pixels}, pixels.bytes());
  return pixels;
}

template <typename Kept, typename Matches>
const Kept* SharedWork::Find(const Matches& matches) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    const auto* kept = std::get_if<Kept>(&entry->kept);
    if (kept == nullptr || !matches(*kept)) continue;
    entry->shared = entry->shared || entry->item != item_;
    entry->item = item_;
    entries_.splice(entries_.begin(), entries_, entry);
    return kept;
  }
  return nullptr;
}

template <typename Kept>
void SharedWork::Keep(Kept kept, std::size_t bytes) {
  if (bytes > bytes_max_) return;
  entries_.push_front({.kept = std::move(kept), .bytes = bytes, .item = item_});
  bytes_ += bytes;
  while (bytes_ > bytes_max_) Drop(std::prev(entries_.end()));
}

void SharedWork::Drop(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  entries_.erase(entry);
}

}  // namespace rn

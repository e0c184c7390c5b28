// What the items of one job have in common, made once and kept by a warm worker: the parsed
// template, decoded sounds and how loud they are, when a clip's frames are shown, the pixels of
// elements. Whatever is kept is found by everything that it was made of (what the element shows and
// in which box, the files as they lie on disk now), so what is found is what would be made again.
// Nobody says what the items have in common: it is what the next one needs again.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pipeline/audio_buffer.h"
#include "pipeline/audio_decode.h"
#include "pipeline/clip_index.h"
#include "pipeline/layer.h"
#include "pipeline/scene.h"
#include "proto/render.pb.h"
#include "template/template_model.h"

namespace rn {

// A file as it was when something was made of it: another one of the same name is not equal to it,
// nor is the same one written anew.
struct FileStamp {
  std::string path;
  std::uint64_t device = 0, inode = 0;
  std::int64_t bytes = 0, modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;

  // NotFound and the like, with the path.
  static absl::StatusOr<FileStamp> Of(const std::string& path);
};

// Part of a sound file. `samples` are within `buffer`.
struct SharedSound {
  std::shared_ptr<const AudioBuffer> buffer;
  absl::Span<const float> samples;
};

// One thread. What it hands out stays valid when it is dropped here.
class SharedWork {
 public:
  // Of all that is kept together: the least recently used goes first, and what alone is larger is
  // not kept.
  static constexpr std::size_t kBytesMax = 96 << 20;

  explicit SharedWork(std::size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  // The template of the next item's job. Of another job than the last one's nothing is kept.
  absl::StatusOr<Template> BeginItem(const rendernode::JobSpec& job);

  // What the item at hand is made of. What only one item has ever needed, and this one does not, is
  // dropped: it was that row's alone.
  void BeginScene(const Scene& scene);

  // As DecodeAudioRange, equal to the bit.
  absl::StatusOr<SharedSound> Sound(const std::string& path, const AudioRange& range);

  // A part of a file that is brought to a loudness.
  struct LoudnessMatch {
    std::int64_t begin = 0;  // sample frames of the file
    std::int64_t frames = 0;
    double lufs = 0;
    bool operator==(const LoudnessMatch&) const = default;
  };
  // The gain that does it: `measure` says it where no item has asked before.
  absl::StatusOr<double> MatchingGain(const std::string& path,
                                      const LoudnessMatch& match,
                                      absl::FunctionRef<double()> measure);

  // As ClipIndex::Read.
  absl::StatusOr<std::shared_ptr<const ClipIndex>> Clip(const std::string& path);

  // As Layer::Rasterise and MovingPicture::Load. Captions and half-typed texts are not kept.
  absl::StatusOr<Layer> RasteriseLayer(const Element& element, const Draw& draw);
  absl::StatusOr<MovingPicture> LoadPicture(const Element& element);

  std::size_t bytes() const { return bytes_; }
  // How often something was found, and how often it had to be made.
  std::int64_t found() const { return found_; }
  std::int64_t made() const { return made_; }

 private:
  // One of a file, as wide as any item has needed it so far, and a little more.
  struct KeptSound {
    FileStamp file;
    AudioRange range;  // as asked for; the file may end before
    std::shared_ptr<const AudioBuffer> buffer;
    bool Covers(const AudioRange& wanted) const;
  };
  struct KeptGain {
    FileStamp file;
    LoudnessMatch match;
    double gain = 1;
  };
  struct KeptClip {
    FileStamp file;
    std::shared_ptr<const ClipIndex> index;
  };
  struct KeptPixels {
    Content content;                // of an element, wherever in the scene it is …
    Box box;                        // … and where it rests
    std::optional<FileStamp> file;  // of a picture
    std::variant<Layer, MovingPicture> pixels;
    bool AreOf(const Element& element) const {
      return content == element.content && box == element.box;
    }
  };
  struct Entry {
    std::variant<KeptSound, KeptGain, KeptClip, KeptPixels> kept;
    std::size_t bytes = 0;
    bool shared = false;     // more than one item has needed it
    std::uint64_t item = 0;  // the last one that did
  };
  using Entries = std::list<Entry>;

  template <typename Pixels, typename Make>
  absl::StatusOr<Pixels> FindOrMake(const Element& element, const Make& make);

  // What the item at hand is made of.
  static bool Needs(const Scene& scene, const Entry& entry);

  // The entry becomes the most recently used one.
  template <typename Kept, typename Matches>
  const Kept* Find(const Matches& matches);
  template <typename Kept>
  void Keep(Kept kept, std::size_t bytes);
  void Drop(Entries::iterator entry);

  const std::size_t bytes_max_;
  std::string job_id_, template_json_;
  std::optional<Template> template_;
  Entries entries_;  // the most recently used one first
  std::size_t bytes_ = 0;
  std::uint64_t item_ = 0;  // the one at hand
  std::int64_t found_ = 0, made_ = 0;
};

}  // namespace rn

#include "pipeline/media_input.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"

namespace rn {
namespace {

// By FFmpeg's names. None of them sends a reader to further files or servers.
constexpr char kFormats[] = "aac,aiff,avi,flac,flv,gif,matroska,mov,mp3,mpeg,mpegts,ogg,wav";
constexpr char kDecoders[] =
    "av1,dnxhd,ffv1,flv,gif,h263,h264,hevc,libaom-av1,libdav1d,libvpx,libvpx-vp9,mjpeg,mpeg1video,"
    "mpeg2video,mpeg4,png,prores,qtrle,rawvideo,theora,vp8,vp9,"
    "aac,ac3,adpcm_ima_wav,adpcm_ms,alac,eac3,flac,libopus,mp2,mp2float,mp3,mp3float,opus,pcm_alaw,"
    "pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,"
    "pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,vorbis";

// Some formats have several names, with commas between.
bool IsListed(absl::string_view names, absl::string_view list) {
  const std::vector<absl::string_view> listed = absl::StrSplit(list, ',');
  for (const absl::string_view name : absl::StrSplit(names, ',')) {
    if (std::find(listed.begin(), listed.end(), name) != listed.end()) return true;
  }
  return false;
}

// What the file is, by its bytes.
absl::StatusOr<const AVInputFormat*> Probe(AVIOContext* file, const std::string& path) {
  const AVInputFormat* format = nullptr;
  RETURN_IF_FF_ERROR(av_probe_input_buffer2(file, &format, path.c_str(), nullptr, 0, 0));
  if (!IsListed(format->name, kFormats)) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is a file of the kind ", format->name, "; these are read: ", kFormats));
  }
  return format;
}

}  // namespace

absl::Status CheckDecoder(const AVCodec& decoder) {
  if (IsListed(decoder.name, kDecoders)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("its codec ", decoder.name, " is not supported"));
}

absl::StatusOr<MediaInput> MediaInput::ReadHeader(const std::string& path) {
  MediaInput input;
  AVIOContext* file = nullptr;
  // The scheme is said, or a colon in the name would choose one.
  RETURN_IF_FF_ERROR(avio_open(&file, absl::StrCat("file:", path).c_str(), AVIO_FLAG_READ));
  input.file_.reset(file);
  ASSIGN_OR_RETURN(const AVInputFormat* const kind, Probe(file, path));
  AVFormatContext* format = avformat_alloc_context();
  if (format == nullptr) return absl::ResourceExhaustedError("out of memory for a demuxer");
  format->pb = file;
  AvOptions options;
  // No protocol has this name: what a playlist names cannot be opened, and the file is open.
  options.Set("protocol_whitelist", "none");
  options.Set("format_whitelist", kFormats);
  options.Set("codec_whitelist", kDecoders);
  // Frees the context when it fails. Named after the file: some formats show in the name alone.
  RETURN_IF_FF_ERROR(avformat_open_input(&format, path.c_str(), kind, options.get()));
  input.format_.reset(format);
  return input;
}

absl::StatusOr<MediaInput> MediaInput::Open(const std::string& path) {
  ASSIGN_OR_RETURN(MediaInput input, ReadHeader(path));
  RETURN_IF_FF_ERROR(avformat_find_stream_info(input.get(), nullptr));
  return input;
}

absl::StatusOr<MediaInput> MediaInput::Reopen(const std::string& path) {
  ASSIGN_OR_RETURN(MediaInput input, ReadHeader(path));
  if ((input->ctx_flags & AVFMTCTX_NOHEADER) != 0) {
    RETURN_IF_FF_ERROR(avformat_find_stream_info(input.get(), nullptr));
  }
  return input;
}

}  // namespace rn

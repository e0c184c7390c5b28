// The compositor's pixel loops against what memory allows: the time of each on a whole 1080p frame,
// divided by the time that memcpy needs to move as many bytes, in the same run. More frames are in
// turn than any cache holds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "bench/program.h"
#include "bench/report.h"
#include "pipeline/blend.h"

ABSL_FLAG(int, repetitions, 5, "of each kernel");
ABSL_FLAG(double, min_time, 0.3, "seconds of each repetition");

namespace rn {
namespace {

constexpr int kWidth = 1920, kHeight = 1080;
constexpr std::size_t kFrameBytes = std::size_t{kWidth} * kHeight * 3 / 2;
constexpr std::size_t kFrames = 32;  // 95 MiB
constexpr std::size_t kLayers = 8;   // 24 MiB, 47 with alpha
constexpr IntRect kAll{0, 0, kWidth, kHeight};
constexpr char kBound[] = "memcpy";

// What is painted into, and what is painted, in turn.
class Stock {
 public:
  Stock() : bytes_(kFrames * kFrameBytes, 128) {
    for (std::size_t i = 0; i < kLayers; ++i) {
      opaque_.push_back(ToPlanes(Picture(kWidth, kHeight, 255), 0, 0));
      sheer_.push_back(ToPlanes(Picture(kWidth, kHeight, 150), 0, 0));
    }
  }

  Nv12View NextFrame() {
    std::uint8_t* y = bytes_.data() + (frame_++ % kFrames) * kFrameBytes;
    return {y, y + std::ptrdiff_t{kWidth} * kHeight, kWidth, kWidth, kWidth, kHeight};
  }
  const Planes& NextOpaque() { return opaque_[layer_++ % kLayers]; }
  const Planes& NextSheer() { return sheer_[layer_++ % kLayers]; }

  static Raster Picture(int width, int height, int alpha) {
    Raster raster{.width = width, .height = height, .stride = 4 * width};
    raster.pixels.resize(static_cast<std::size_t>(raster.stride) *
                         static_cast<std::size_t>(height));
    for (std::size_t i = 0; i < raster.pixels.size(); ++i) {
      const int value = static_cast<int>(i * 2654435761U >> 24U);
      raster.pixels[i] = static_cast<std::uint8_t>(i % 4 == 3 ? alpha : value * alpha / 255);
    }
    return raster;
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<Planes> opaque_, sheer_;
  std::size_t frame_ = 0, layer_ = 0;
};

struct Kernel {
  std::string name;
  double frames_moved;  // bytes between memory and processor, in frames' worth
  std::function<void()> run;
};

std::vector<Kernel> Kernels(Stock& stock) {
  constexpr std::uint8_t kHalf = 128, kFull = 255;
  constexpr Box kZoomed{40, 22.5, kWidth - 80.0, kHeight - 45.0};
  const auto fill = [&stock] { FillRect(stock.NextFrame(), kAll, Yuv{90, 110, 140}); };
  const auto blend = [&stock](bool sheer, std::uint8_t opacity) {
    return [&stock, sheer, opacity] {
      BlendPlanes(
          stock.NextFrame(), kAll, sheer ? stock.NextSheer() : stock.NextOpaque(), 0, 0, opacity);
    };
  };
  const auto fade = [&stock] {
    const Nv12View over = stock.NextFrame();
    CrossFade(stock.NextFrame(), kAll, over, kHalf);
  };
  const auto sample = [&stock, kZoomed](bool sheer) {
    return [&stock, kZoomed, sheer] {
      SamplePlanes(stock.NextFrame(),
                   kAll,
                   sheer ? stock.NextSheer() : stock.NextOpaque(),
                   kZoomed,
                   kAll,
                   kFull);
    };
  };
  const auto copy = [&stock] {
    const Nv12View from = stock.NextFrame();
    std::memcpy(stock.NextFrame().y, from.y, kFrameBytes);
  };
  // What is only written is fetched first all the same, so it counts twice, like what is blended
  // onto. Layers with alpha are two frames' worth.
  return {{kBound, 3, copy},
          {"fill", 2, fill},
          {"copy an opaque layer", 3, blend(false, kFull)},
          {"blend an opaque layer at half opacity", 3, blend(false, kHalf)},
          {"blend a layer with alpha", 4, blend(true, kFull)},
          {"blend a layer with alpha at half opacity", 4, blend(true, kHalf)},
          {"cross-fade", 3, fade},
          {"Ken Burns, opaque", 3, sample(false)},
          {"Ken Burns with alpha", 4, sample(true)}};
}

// Keeps every repetition's time instead of printing it.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type == Run::RT_Aggregate) continue;
      milliseconds_[run.run_name.function_name].push_back(1e3 * run.cpu_accumulated_time /
                                                          static_cast<double>(run.iterations));
    }
  }
  const std::vector<double>& milliseconds(const std::string& name) const {
    return milliseconds_.at(name);
  }

 private:
  std::map<std::string, std::vector<double>> milliseconds_;
};

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  Stock stock;
  const std::vector<Kernel> kernels = Kernels(stock);
  for (const Kernel& kernel : kernels) {
    benchmark::RegisterBenchmark(kernel.name.c_str(),
                                 [&kernel](benchmark::State& state) {
                                   for (auto _ : state) {
                                     kernel.run();
                                     benchmark::ClobberMemory();
                                   }
                                 })
        ->Repetitions(absl::GetFlag(FLAGS_repetitions))
        ->MinTime(absl::GetFlag(FLAGS_min_time));
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);

  std::vector<BenchRow> rows;
  const double bound_ms =
      Summary({}, collector.milliseconds(kBound)).value / kernels[0].frames_moved;
  for (const Kernel& kernel : kernels) {
    const std::vector<double>& times_ms = collector.milliseconds(kernel.name);
    rows.push_back(Summary({.scenario = "kernels", .metric = kernel.name, .unit = "ms"}, times_ms));
    std::vector<double> ratios, rates;
    for (const double ms : times_ms) {
      ratios.push_back(ms / (bound_ms * kernel.frames_moved));
      rates.push_back(kernel.frames_moved * static_cast<double>(kFrameBytes) / ms / 1e6);
    }
    rows.push_back(Summary({.scenario = "kernels", .metric = kernel.name, .unit = "GB/s"}, rates));
    if (kernel.name == kBound) continue;
    rows.push_back(Summary(
        {.scenario = "kernels", .metric = kernel.name, .ratio_to = "memory bound"}, ratios));
  }
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "kernel_bench", rn::MeasureAll);
}

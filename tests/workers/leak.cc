// Uses more and more memory.
#include <cstring>

#include "tests/workers/worker.h"

int main() {
  rn::SayHello();
  rn::SayProgress(rn::AwaitOrder(), 7);
  constexpr std::size_t kStep = 4 << 20;
  while (true) {
    auto* memory = static_cast<volatile char*>(std::malloc(kStep));
    for (std::size_t i = 0; i < kStep; i += 4096) {
      memory[i] = 1;
    }
    usleep(1000);  // So that the machine is not filled between two looks.
  }
}

// Preloaded into a program (LD_PRELOAD), lets a test move its clocks ahead while it runs, wall and monotonic alike: by
// as many seconds as the file SHIFT_CLOCK_FILE holds, eight bytes that may change at any time. Waits that have begun
// are not shortened.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

// Mapped at the first call, which may come before any constructor has run.
std::int64_t Shift() {
  static std::atomic<const std::atomic<std::int64_t>*> mapped = nullptr;
  if (mapped == nullptr) {
    const char* path = std::getenv("SHIFT_CLOCK_FILE");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    void* memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return 0;
    mapped = static_cast<const std::atomic<std::int64_t>*>(memory);
  }
  return mapped.load()->load();
}

bool Moves(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
         clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
}

timespec Unshifted(const timespec& moment) { return {moment.tv_sec - Shift(), moment.tv_nsec}; }

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && Moves(clock)) time->tv_sec += Shift();
  return result;
}

int gettimeofday(timeval* __restrict time, void* __restrict) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  static const auto next = Next<decltype(pthread_cond_clockwait)>("pthread_cond_clockwait");
  const auto moment = Unshifted(*until);
  return next(condition, mutex, clock, &moment);
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto next = Next<decltype(pthread_cond_timedwait)>("pthread_cond_timedwait");
  const auto moment = Unshifted(*until);
  return next(condition, mutex, &moment);
}

}  // extern "C"

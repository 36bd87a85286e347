/*
 * Plays a machine with GPUs to the library that test/nvml/fake-nvml.c makes: `gpus FILE BOARDS PROCESSES` writes FILE
 * (the library's path with ".machine" behind it), starts so many processes that each have a context on every board,
 * and moves on: 300 W for each board, its counter every 100 ms, a sample of every process every 200 ms. Prints "ready"
 * once all run; ends, with all of them, when its standard input ends.
 */
#include "../test/nvml/fake-nvml.c"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { UPDATE_MILLISECONDS = 100, KEPT_SAMPLES = 8 };

static void sample(Device *device, u64 now, u64 round) {
  u64 start = (round % KEPT_SAMPLES) * device->compute_count;
  for (u64 i = 0; i < device->compute_count; i++) {
    device->rows[start + i] = (Row){device->compute[i], now, 10 + (device->compute[i] + round) % 80};
  }
  u64 kept = KEPT_SAMPLES * device->compute_count;
  if (device->row_count < kept) device->row_count = start + device->compute_count;
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: gpus FILE BOARDS PROCESSES\n"); return 2; }
  int file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
  u64 boards = strtoul(argv[2], NULL, 10), processes = strtoul(argv[3], NULL, 10);
  if (file < 0 || ftruncate(file, sizeof(Machine)) != 0) { perror(argv[1]); return 1; }
  if (boards > DEVICES || processes * KEPT_SAMPLES > ROWS) { fprintf(stderr, "too many\n"); return 2; }
  machine = mmap(NULL, sizeof(Machine), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (machine == MAP_FAILED) { perror("mmap"); return 1; }
  for (u64 p = 0; p < processes; p++) {
    pid_t child = fork();
    if (child < 0) { perror("fork"); return 1; }
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
    for (u64 b = 0; b < boards; b++) machine->device[b].compute[p] = (u64)child;
  }
  for (u64 b = 0; b < boards; b++) {
    Device *device = &machine->device[b];
    snprintf(device->uuid, sizeof device->uuid, "GPU-%08llx-0000-4000-8000-000000000000", (unsigned long long)b);
    snprintf(device->name, sizeof device->name, "NVIDIA H100 80GB HBM3");
    snprintf(device->bus_id, sizeof device->bus_id, "00000000:%02llX:00.0", (unsigned long long)(0x10 + b));
    device->has_counter = device->has_average = device->has_instant = device->has_usage = 1;
    device->milliwatts = 300000;
    device->limit_milliwatts = 700000;
    device->compute_count = processes;
  }
  machine->devices = boards;
  printf("ready\n");
  fflush(stdout);
  struct pollfd input = {0, POLLIN, 0};
  for (u64 round = 1; poll(&input, 1, UPDATE_MILLISECONDS) == 0; round++) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    u64 microseconds = (u64)now.tv_sec * 1000000 + (u64)now.tv_nsec / 1000;
    for (u64 b = 0; b < boards; b++) {
      machine->device[b].millijoules += 300 * UPDATE_MILLISECONDS;
      if (round % 2 == 0) sample(&machine->device[b], microseconds, round / 2);
    }
  }
  return 0;
}

/*
 * Makes a machine full of processes: `load COUNT sleep` for processes that only wait, `load COUNT wake FOLDER` for
 * processes that use a little CPU time every second, each in a control group of its own below FOLDER.
 * Prints "ready" once all run; ends, with all of them, when its standard input ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void join_group(const char *folder, int number) {
  char path[512];
  /* 64 hex digits, as container runtimes name theirs */
  snprintf(path, sizeof path, "%s/%012x%052x", folder, number, 0);
  mkdir(path, 0755);
  strcat(path, "/cgroup.procs");
  FILE *members = fopen(path, "w");
  if (members == NULL) { perror(path); exit(1); }
  fprintf(members, "%d\n", getpid());
  fclose(members);
}

static void wake_each_second(int number) {
  struct timespec first = {0, (number % 1000) * 1000000L};
  nanosleep(&first, NULL);
  for (;;) {
    volatile long work = 0;
    for (int index = 0; index < 20000; index += 1) work += index;
    sleep(1);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) { fprintf(stderr, "usage: load COUNT sleep | load COUNT wake FOLDER\n"); return 2; }
  int count = atoi(argv[1]);
  int wakes = strcmp(argv[2], "wake") == 0;
  for (int number = 0; number < count; number += 1) {
    pid_t child = fork();
    if (child < 0) { perror("fork"); return 1; }
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fclose(stdin);
    if (wakes && argc > 3) join_group(argv[3], number);
    if (wakes) wake_each_second(number);
    for (;;) pause();
  }
  printf("ready\n");
  fflush(stdout);
  char ignored[64];
  while (read(0, ignored, sizeof ignored) > 0) {}
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  return 0;
}

/* hull-measure: what a program gets of CPU, disk and network, wherever it runs. Every command prints one JSON object per line. */
#ifndef HULL_MEASURE_H
#define HULL_MEASURE_H

#include <stdint.h>

int measure_cpu(int argc, char **argv);
int measure_disk_write(int argc, char **argv);
int measure_disk_read(int argc, char **argv);
int measure_kernel(int argc, char **argv);
int measure_net_serve(int argc, char **argv);
int measure_net(int argc, char **argv);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t now(void);
/* A whole number between 1 and `most`; ends the program when it is none. */
uint64_t number(const char *text, uint64_t most);
/* Says what failed, with errno, and gives the exit status 1. */
int failed(const char *what);
/* {"bytes":…,"nanoseconds":…} */
void print_bytes(uint64_t bytes, uint64_t nanoseconds);

#endif

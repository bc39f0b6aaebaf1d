#define _GNU_SOURCE
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK (1u << 20)
#define MOST_MEBIBYTES 65536u

static unsigned char block[BLOCK] __attribute__((aligned(4096)));

/* Data that no filesystem compresses or leaves out. */
static void fill(uint64_t seed)
{
    uint64_t *word = (uint64_t *)block, state = seed * 0x9e3779b97f4a7c15u | 1;
    for (unsigned i = 0; i < BLOCK / sizeof *word; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word[i] = state;
    }
}

/* Without the cache where the filesystem can do that. */
static int open_direct(const char *path, int flags, int *direct)
{
    int file = open(path, flags | O_DIRECT | O_CLOEXEC, 0600);
    *direct = file >= 0;
    return file >= 0 || errno != EINVAL ? file : open(path, flags | O_CLOEXEC, 0600);
}

static void print_result(uint64_t bytes, uint64_t nanoseconds, int direct)
{
    printf("{\"bytes\":%llu,\"nanoseconds\":%llu,\"direct\":%s}\n", (unsigned long long)bytes,
           (unsigned long long)nanoseconds, direct ? "true" : "false");
}

/* Writes a new file from begin to end; the time ends when it is on the disk. */
int measure_disk_write(int argc, char **argv)
{
    (void)argc;
    uint64_t blocks = number(argv[1], MOST_MEBIBYTES);
    int direct;
    unlink(argv[0]);
    fill(blocks);
    int file = open_direct(argv[0], O_WRONLY | O_CREAT | O_EXCL, &direct);
    if (file < 0)
        return failed(argv[0]);
    uint64_t began = now();
    for (uint64_t i = 0; i < blocks; i++) {
        ssize_t written = write(file, block, BLOCK);
        if (written != (ssize_t)BLOCK) {
            if (written >= 0)
                errno = ENOSPC;
            int status = failed(argv[0]);
            unlink(argv[0]);
            return status;
        }
    }
    if (fsync(file) != 0)
        return failed(argv[0]);
    print_result(blocks * BLOCK, now() - began, direct);
    close(file);
    return 0;
}

/* Reads the file from begin to end, and removes it. What this kernel holds of it in its cache is let go first. */
int measure_disk_read(int argc, char **argv)
{
    (void)argc;
    int direct;
    int file = open_direct(argv[0], O_RDONLY, &direct);
    if (file < 0)
        return failed(argv[0]);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    uint64_t bytes = 0, began = now();
    ssize_t got;
    while ((got = read(file, block, BLOCK)) > 0)
        bytes += (uint64_t)got;
    uint64_t passed = now() - began;
    if (got < 0)
        return failed(argv[0]);
    close(file);
    unlink(argv[0]);
    print_result(bytes, passed, direct);
    return 0;
}

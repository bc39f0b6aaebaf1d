#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* Each argument is NUMBER:ARG:ARG…; prints "NUMBER errno", 0 where the call worked. A process of its own for each: a call that works may change it. */
int main(int count, char **words) {
  for (int i = 1; i < count; i++) {
    long call[7] = {0};
    int n = 0;
    for (char *part = strtok(words[i], ":"); part && n < 7; part = strtok(NULL, ":")) call[n++] = strtoul(part, NULL, 0);
    pid_t child = fork();
    if (child == 0) {
      long result = syscall(call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
      _exit(result == -1 ? errno : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("%ld %d\n", call[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  }
  return 0;
}

/* `user`, `uid`, `user:group` or `uid:gid`, looked up in the image's own files as Docker does. */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_FIELDS 7

/* Splits at colons; returns how many fields there are. */
static int split(char *line, char *fields[LINE_FIELDS]) {
  int count = 0;
  line[strcspn(line, "\n")] = 0;
  while (count < LINE_FIELDS && line != NULL) fields[count++] = strsep(&line, ":");
  return count;
}

static bool number(const char *text, unsigned *value) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return false;
  errno = 0;
  unsigned long parsed = strtoul(text, &end, 10);
  if (*end != 0 || errno != 0 || parsed > 0x7fffffff) return false;
  *value = (unsigned)parsed;
  return true;
}

/* NULL unless it is a regular file: the image may have a FIFO in its place, which nobody would ever write to. */
static FILE *open_accounts(const char *path) {
  struct stat facts;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return NULL;
  FILE *file = fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) ? fdopen(fd, "r") : NULL;
  if (file == NULL) close(fd);
  return file;
}

/* The name of the user found goes to `name`: group membership goes by name. */
static bool find_passwd(const char *wanted, struct user *user, char *name, size_t size) {
  FILE *file = open_accounts("/etc/passwd");
  char line[1024], *fields[LINE_FIELDS];
  bool found = false;
  unsigned uid, gid, asked;
  bool by_number = number(wanted, &asked);
  while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
    if (split(line, fields) < 6 || !number(fields[2], &uid) || !number(fields[3], &gid)) continue;
    if (strcmp(fields[0], wanted) != 0 && !(by_number && uid == asked)) continue;
    user->uid = uid;
    user->gid = gid;
    snprintf(user->home, sizeof user->home, "%s", fields[5][0] ? fields[5] : "/");
    snprintf(name, size, "%s", fields[0]);
    found = true;
  }
  if (file != NULL) fclose(file);
  return found;
}

static bool listed(char *members, const char *name) {
  for (char *member; (member = strsep(&members, ",")) != NULL;)
    if (strcmp(member, name) == 0) return true;
  return false;
}

/* The primary group is a supplementary one too, so that giving it up gains nobody what it is denied (as Docker since 20.10.18). */
static void add_group(struct user *user, gid_t gid) {
  for (size_t i = 0; i < user->group_count; i++)
    if (user->groups[i] == gid) return;
  if (user->group_count < sizeof user->groups / sizeof user->groups[0]) user->groups[user->group_count++] = gid;
}

/* Finds the group `wanted`, or (NULL) collects the groups that have `member`. */
static bool read_groups(const char *wanted, const char *member, struct user *user) {
  FILE *file = open_accounts("/etc/group");
  char *line = NULL, *fields[LINE_FIELDS];
  size_t capacity = 0;
  bool found = false;
  unsigned gid;
  while (file != NULL && !found && getline(&line, &capacity, file) > 0) {
    if (split(line, fields) < 4 || !number(fields[2], &gid)) continue;
    if (wanted != NULL) {
      found = strcmp(fields[0], wanted) == 0;
      if (found) user->gid = gid;
    } else if (listed(fields[3], member)) {
      add_group(user, gid);
    }
  }
  free(line);
  if (file != NULL) fclose(file);
  return found;
}

static bool find_group(const char *wanted, struct user *user, char *error, size_t size) {
  unsigned gid;
  if (read_groups(wanted, NULL, user)) return true;
  if (!number(wanted, &gid)) {
    snprintf(error, size, "unable to find group %.100s: no matching entries in group file", wanted);
    return false;
  }
  user->gid = gid;
  return true;
}

bool find_user(const char *text, struct user *user, char *error, size_t size) {
  char wanted[256], name[256] = "";
  unsigned uid;
  *user = (struct user){.home = "/"};
  snprintf(wanted, sizeof wanted, "%s", text[0] ? text : "0");
  char *group = strchr(wanted, ':');
  if (group != NULL) *group++ = 0;
  if (!find_passwd(wanted[0] ? wanted : "0", user, name, sizeof name)) {
    if (wanted[0] == 0) strcpy(wanted, "0");
    if (!number(wanted, &uid)) {
      snprintf(error, size, "unable to find user %.100s: no matching entries in passwd file", wanted);
      return false;
    }
    user->uid = uid;
  }
  bool found = true;
  if (group != NULL && group[0] != 0) found = find_group(group, user, error, size);
  else if (name[0] != 0) read_groups(NULL, name, user);
  add_group(user, user->gid);
  return found;
}

bool find_further_group(const char *text, struct user *user, char *error, size_t size) {
  struct user found = {0};
  if (!find_group(text, &found, error, size)) return false;
  add_group(user, found.gid);
  return true;
}

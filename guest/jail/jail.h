/* hull-jail: starts one program in a world of its own. See main.c for what it takes. */
#ifndef HULL_JAIL_H
#define HULL_JAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MOST_DESCRIPTORS 256
#define MOST_PLACES 1024
/* The first user of the reserved range; the program's is this plus its process id. */
#define FIRST_USER 1879048192u

/* Something of the host's that the program sees. */
struct place {
  const char *source;
  const char *at;
  enum { PLACE_FILE, PLACE_SHARE, PLACE_SHARE_READ_ONLY } kind;
};

struct jail {
  const char *network; /* null: an empty one is made */
  const char *log;     /* null: /dev/null */
  bool root;           /* stays root, with the capabilities `keep` */
  uint64_t keep;
  bool kvm;
  bool proc;
  unsigned deadline; /* seconds; 0: none */
  int descriptors[MOST_DESCRIPTORS];
  int descriptor_count;
  struct place places[MOST_PLACES];
  int place_count;
  char *const *command;
};

/* Ends this process with a message: "hull-jail: WHAT SUBJECT: errno's words". In the child it reaches the parent by a pipe. */
__attribute__((noreturn)) void fail(const char *what, const char *subject);

/* descriptors.c: each opens as the caller, before anything is given up, and adds to the descriptors that the program inherits. */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_APPEND };
void add_file(struct jail *jail, const char *path, enum access access);
/* A file to add to (made, if there is none), or a pipe. */
int open_output(const char *path);
void add_listener(struct jail *jail, const char *path);
void add_connection(struct jail *jail, const char *path);
void add_tap(struct jail *jail, const char *name);

/* world.c */
void make_world(const struct jail *jail, uid_t user);

/* privileges.c */
void drop_privileges(const struct jail *jail, uid_t user);

/* filter.c */
void install_filter(void);

/* ticks.c: the rate of the time-stamp counter by the host's clock; 0 where there is none. */
uint64_t ticks_per_second(void);

#endif

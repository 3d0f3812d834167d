/*
 * command.h - what the program does besides serving: "backpropd key create …"
 *
 * Model    A command is one or two words and then options, its own ones and
 *          those of the daemon (--database, --keys, --config), which also come
 *          from the environment and the file.  Commands change the file of keys
 *          and never the database: that belongs to the daemon, which may run
 *          meanwhile.
 * Errors   As exit status: 0 done; 1 it could not be done; 2 a mistake in the
 *          command; one line on standard error says which.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

/* Do the arguments begin with a command? */
bool command_is_given(int argc, char **argv);

/* Do it; the exit status. */
int command_run(int argc, char **argv);

#endif

/* commands.h: what aloq-sandbox can do. Each takes its own arguments (argv[0] is the command's name), prints
 * to stdout, says on stderr what went wrong, and returns the exit code (sysexits; 1: the promise is broken).
 */
#pragma once

int command_cluster(int argc, char **argv);
int command_orders(int argc, char **argv);
int command_track(int argc, char **argv);
int command_check(int argc, char **argv);

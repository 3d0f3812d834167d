/*
 * config.h - what the operator may set: by flag, environment and file
 *
 * Model    One table (config.c) names every option once: flag, environment
 *          variable, key in the file, range, default and what it is for.  A
 *          flag wins over the environment, that over the file, that over the
 *          default.  The option log_level is --log-level, BACKPROPD_LOG_LEVEL
 *          and "log_level = …" in the file.
 * Owner    struct config is the caller's; its strings live as long as it does.
 * Errors   ERR_INVALID, where names the option as the operator wrote it.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

#define CONFIG_TEXT_SIZE 4096

struct config {
    char           listen[CONFIG_TEXT_SIZE];
    char           database[CONFIG_TEXT_SIZE];
    char           keys[CONFIG_TEXT_SIZE];   /* the file they are in       */
    char           file[CONFIG_TEXT_SIZE];   /* "": none */
    char           kernel[CONFIG_TEXT_SIZE]; /* "": the best */
    char           allowed_hosts[CONFIG_TEXT_SIZE];
    char           cors_origins[CONFIG_TEXT_SIZE];
    unsigned       workers; /* 0: one a core              */
    unsigned       threads; /* of one job; 0: one a core  */
    unsigned       queue_max;
    unsigned       parameters_max, history_max;
    unsigned       memory_mib; /* 0: three quarters of memory */
    unsigned       connections;
    unsigned       connections_per_address, event_streams;
    unsigned       log_lines_per_second;
    unsigned       body_mib, rows_mib, upload_mib, predict_rows;
    unsigned       datasets, datasets_mib; /* 0: no limit            */
    unsigned       dataset_columns, dataset_categories, dataset_row_kib;
    unsigned       dataset_rows;
    unsigned       database_mib; /* 0: what the disk has       */
    unsigned       http_threads; /* 0: two                     */
    unsigned       training_nice;
    unsigned       key_rate, row_rate, network_rate; /* a second; 0: any */
    enum log_level log_level;
    int            listen_fd; /* main()'s: a socket we were handed; -1: none  */
    bool           no_auth;
    bool           require_keys;
    bool           open_metrics;
    /* What to do instead of serving. */
    bool check, print_config, print_routes, version, help;
};

enum err config_read(int argc, char **argv, struct config *out,
                     struct errinfo *e);

/* All options with their values, as a configuration file. */
void config_print(const struct config *config, FILE *out);
/* The options, their defaults and what they are for. */
void config_help(FILE *out);

#endif

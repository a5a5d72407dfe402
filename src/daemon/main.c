/* aloqd: reads its configuration, then checks it, prints it or runs it. */
#include <config.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/check_brokers.h"
#include "daemon/daemon.h"
#include "daemon/explain.h"
#include "daemon/loading.h"
#include "daemon/options.h"
#include "kafka/library.h"

DEFINE_CLEANUP(struct config *, config_free)

static void print_findings(const struct config_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		fprintf(stderr, "%s: %s\n", findings->items[i].is_error ? "error" : "warning",
		    findings->items[i].text);
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static int test_config(const struct options *options)
{
	struct config_findings findings = { 0 };
	int exit_code = EX_OK;
	_cleanup_(config_freep) struct config *config =
	    loading_read(options, CONFIG_TO_TEST, &findings, &exit_code);
	size_t warnings = findings.count - findings.error_count;

	print_findings(&findings);
	if (!config)
		fprintf(stderr, "%s: %zu error%s, %zu warning%s\n", options->config_file,
		    findings.error_count, plural(findings.error_count), warnings, plural(warnings));
	else if (warnings > 0)
		fprintf(stderr, "%s: configuration is valid, with %zu warning%s\n", options->config_file,
		    warnings, plural(warnings));
	else
		fprintf(stderr, "%s: configuration is valid\n", options->config_file);
	config_findings_clear(&findings);
	return config ? EX_OK : exit_code;
}

static int cannot_write(void)
{
	fprintf(stderr, "aloqd: cannot write: %s\n", strerror(errno));
	return EX_IOERR;
}

/* For a command that prints what it makes of a configuration. NULL: it cannot, for reasons that have been told. */
static struct config *load_to_print(
    const struct options *options, enum config_purpose purpose, int *exit_code)
{
	struct config_findings findings = { 0 };
	struct config *config = loading_read(options, purpose, &findings, exit_code);

	print_findings(&findings);
	config_findings_clear(&findings);
	return config;
}

static int dump_config(const struct options *options)
{
	int exit_code = EX_OK;
	_cleanup_(config_freep) struct config *config = load_to_print(options, CONFIG_TO_TEST, &exit_code);
	_cleanup_free_ char *text = NULL;

	if (!config)
		return exit_code;
	text = config_dump(config);
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
		return cannot_write();
	return EX_OK;
}

static int explain_pipelines(const struct options *options)
{
	int exit_code = EX_OK;
	_cleanup_(config_freep) struct config *config = load_to_print(options, CONFIG_TO_TEST, &exit_code);
	struct error err;

	if (!config)
		return exit_code;
	if (explain(stdout, config, options->pipeline, &err) < 0) {
		fprintf(stderr, "aloqd: %s\n", err.message);
		return EX_USAGE;
	}
	return fflush(stdout) == EOF || ferror(stdout) ? cannot_write() : EX_OK;
}

static int check_clusters(const struct options *options)
{
	int exit_code = EX_OK;
	_cleanup_(config_freep) struct config *config = load_to_print(options, CONFIG_TO_RUN, &exit_code);

	if (!config)
		return exit_code;
	log_set_level(LOG_LEVEL_ERROR); /* what is wrong with a cluster is told as a finding */
	exit_code = check_brokers(stdout, config);
	return fflush(stdout) == EOF || ferror(stdout) ? cannot_write() : exit_code;
}

/* Every thread inherits the mask: signals are for the main loop alone. */
static void take_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* Each client has a connection to each broker; the soft limit is 1024 for the sake of select(), which nothing
 * here uses. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return; /* the limit that we have will do for most */
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug(&LOG_NOWHERE, "cannot raise RLIMIT_NOFILE: %s", strerror(errno));
}

/* librdkafka's threads allocate and the pipelines' threads free. With an arena for each thread, as is the default,
 * that leaves about an eighth more memory in use; with one alone they would wait for each other. */
static void bound_allocator(void)
{
	if (!mallopt(M_ARENA_MAX, 2))
		log_debug(&LOG_NOWHERE, "cannot bound the allocator's arenas");
}

static int run(const struct options *options)
{
	struct config_findings findings = { 0 };
	int exit_code = EX_OK;
	_cleanup_(config_freep) struct config *config = NULL;

	take_signals();
	config = loading_read(options, CONFIG_TO_RUN, &findings, &exit_code);
	if (config)
		log_set_level(config->log_level);
	loading_log(&findings);
	config_findings_clear(&findings);
	if (!config)
		return exit_code;
	raise_descriptor_limit();
	bound_allocator();
	return daemon_run(config, options);
}

int main(int argc, char **argv)
{
	struct options options;

	if (options_parse(argc, argv, &options) < 0)
		return EX_USAGE;
	log_init("aloqd", LOG_LEVEL_INFO);
	switch (options.command) {
	case COMMAND_HELP:
		options_print_help(stdout);
		return EX_OK;
	case COMMAND_VERSION:
		printf("aloqd %s (librdkafka %s)\n", PACKAGE_VERSION, library_version());
		return EX_OK;
	case COMMAND_TEST_CONFIG:
		return test_config(&options);
	case COMMAND_DUMP_CONFIG:
		return dump_config(&options);
	case COMMAND_EXPLAIN:
		return explain_pipelines(&options);
	case COMMAND_CHECK_BROKERS:
		return check_clusters(&options);
	case COMMAND_RUN:
		break;
	}
	return run(&options);
}

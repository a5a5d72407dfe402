/* A cluster's tls and sasl: what they become, what is wrong with them, and where their secrets come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/memory.h"
#include "config/diff.h"
#include "config/secret.h"
#include "config_files.h"

/* A configuration whose one cluster has these groups, in lines 2 to the last but one of them. The caller
 * frees. */
static char *cluster_with(const char *groups)
{
	return xasprintf(
	    "clusters = { main = { brokers = \"b:1\";\n%s\n}; };\n" GOOD_PIPELINE("", "", ""), groups);
}

static struct config *load_for(
    enum config_purpose purpose, const char *groups, struct config_findings *findings, int *exit_code)
{
	char *text = cluster_with(groups);
	struct config *config;

	config_files_write("main.conf", text, strlen(text));
	config = config_load(config_files_path("main.conf"), false, purpose, NULL, findings, exit_code);
	free(text);
	return config;
}

static void expect_for(enum config_purpose purpose, const char *groups, const char *expected)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = load_for(purpose, groups, &findings, &exit_code);
	char *found = config_files_describe(&findings);

	assert_string_equal(found, expected);
	assert_int_equal(config != NULL, findings.error_count == 0);
	free(found);
	config_free(config);
	config_findings_clear(&findings);
}

static void expect(const char *groups, const char *expected)
{
	expect_for(CONFIG_TO_RUN, groups, expected);
}

static struct config *load_good(const char *groups)
{
	struct config_findings findings = { 0 };
	int exit_code = -1;
	struct config *config = load_for(CONFIG_TO_RUN, groups, &findings, &exit_code);

	for (size_t i = 0; i < findings.count; i++)
		print_error("%s\n", findings.items[i].text);
	assert_int_equal(findings.count, 0);
	assert_non_null(config);
	config_findings_clear(&findings);
	return config;
}

static void write_text(const char *name, const char *text)
{
	config_files_write(name, text, strlen(text));
}

static const char *file_secret(const char *name)
{
	static char text[1024];

	snprintf(text, sizeof text,
	    "sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"file:%s\"; }; tls = { };",
	    config_files_path(name));
	return text;
}

/* The folder of the files is also the one of the credentials. */
static void name_credentials_directory(void)
{
	char folder[512];

	snprintf(folder, sizeof folder, "%s", config_files_path(""));
	folder[strlen(folder) - 1] = '\0';
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
}

static void test_without_the_groups_there_is_neither(void **state)
{
	struct config *config = load_good("");

	assert_false(config->clusters[0].tls.enabled);
	assert_false(config->clusters[0].sasl.enabled);
	config_free(config);
}

static void test_an_empty_tls_checks_the_server_against_what_the_system_trusts(void **state)
{
	struct config *config = load_good("tls = { };");
	const struct config_cluster *cluster = &config->clusters[0];

	assert_true(cluster->tls.enabled);
	assert_true(cluster->tls.verify);
	assert_null(cluster->tls.ca.path);
	assert_false(cluster->sasl.enabled);
	config_free(config);
}

static void test_values_are_read(void **state)
{
	struct config *config;
	const struct config_cluster *cluster;
	char groups[2048], folder[512];

	write_text("ca.pem", "authority");
	write_text("client.pem", "certificate");
	write_text("client.key", "key");
	write_text("key-password", "open sesame\n");
	snprintf(folder, sizeof folder, "%s", config_files_path(""));
	snprintf(groups, sizeof groups,
	    "tls = { ca = \"%sca.pem\"; certificate = \"%sclient.pem\";\n key = \"credential:client.key\"; "
	    "key_password = \"file:%skey-password\"; };\n"
	    "sasl = { mechanism = \"SCRAM-SHA-512\"; username = \"relay\"; password = \"hush\"; };",
	    folder, folder, folder);
	config = load_good(groups);
	cluster = &config->clusters[0];
	assert_true(cluster->tls.verify);
	assert_string_equal(cluster->tls.ca.path, config_files_path("ca.pem"));
	assert_string_equal(cluster->tls.certificate.path, config_files_path("client.pem"));
	assert_non_null(strstr(cluster->tls.key.path, "/client.key"));
	assert_string_equal(cluster->tls.key_password.value, "open sesame");
	assert_int_equal(cluster->tls.origin.line, 2);
	assert_true(cluster->sasl.enabled);
	assert_string_equal(cluster->sasl.mechanism, "SCRAM-SHA-512");
	assert_string_equal(cluster->sasl.username, "relay");
	assert_string_equal(cluster->sasl.password.value, "hush");
	assert_int_equal(cluster->sasl.origin.line, 4);
	config_free(config);
}

static void test_the_dump_shows_where_a_secret_is_and_never_the_secret(void **state)
{
	struct config_findings findings = { 0 };
	struct config *config;
	char *dump, *again;
	int exit_code;

	write_text("kafka", "hush-in-the-file");
	write_text("client.pem", "certificate");
	write_text("client.key", "key");
	config = load_good(
	    "tls = { certificate = \"credential:client.pem\"; key = \"credential:client.key\"; key_password "
	    "= "
	    "\"hush-literal\"; };\n"
	    "sasl = { mechanism = \"PLAIN\"; username = \"relay\"; password = \"credential:kafka\"; };");
	dump = config_dump(config);
	config_free(config);
	assert_non_null(strstr(dump, "password = \"credential:kafka\";"));
	assert_non_null(strstr(dump, "key_password = \"***\";"));
	assert_null(strstr(dump, "hush"));
	write_text("main.conf", dump);
	config =
	    config_load(config_files_path("main.conf"), false, CONFIG_TO_TEST, NULL, &findings, &exit_code);
	assert_int_equal(findings.count, 0);
	again = config_dump(config);
	assert_string_equal(again, dump);
	free(again);
	free(dump);
	config_free(config);
	config_findings_clear(&findings);
}

static void test_one_newline_is_no_part_of_a_secret(void **state)
{
	struct config *config;

	write_text("password", " two words \n");
	config = load_good(file_secret("password"));
	assert_string_equal(config->clusters[0].sasl.password.value, " two words ");
	config_free(config);
}

static void expect_unread(const char *name, const char *words)
{
	char *expected = xasprintf("error main.conf:2: clusters.main.sasl.password: %s: %s\n", name, words);

	expect(file_secret(name), expected);
	free(expected);
}

static void test_files_that_hold_no_secret_are_refused(void **state)
{
	char *much = xcalloc(SECRET_MAX_BYTES + 2, 1);

	alarm(20); /* ends the test where it would hang */
	config_files_write("nul", "a\0b", 3);
	expect_unread("nul", "it holds a NUL byte; write plain text");
	write_text("empty", "\n");
	expect_unread("empty", "it is empty; write the secret into it");
	write_text("lines", "hush\nhush\n");
	expect_unread("lines",
	    "it has more than one line, or one that ends with a carriage return; write the secret alone");
	write_text("windows", "hush\r\n");
	expect_unread("windows",
	    "it has more than one line, or one that ends with a carriage return; write the secret alone");
	memset(much, 'x', SECRET_MAX_BYTES + 1);
	write_text("much", much);
	expect_unread("much", "it has more than 4096 bytes; name a smaller file");
	expect_unread("absent", "No such file or directory");
	mkdir(config_files_path("folder"), 0700);
	expect_unread("folder", "it is not a regular file; name one");
	mkfifo(config_files_path("pipe"), 0600);
	expect_unread("pipe", "it is not a regular file; name one");
	free(much);
	alarm(0);
}

static void test_a_secret_that_everyone_can_read_or_write_is_refused(void **state)
{
	write_text("open", "hush");
	chmod(config_files_path("open"), 0604);
	expect_unread("open",
	    "everyone can read or write it, so it holds no secret; take that right away: chmod o-rw open");
	chmod(config_files_path("open"), 0602);
	expect_unread("open",
	    "everyone can read or write it, so it holds no secret; take that right away: chmod o-rw open");
	chmod(config_files_path("open"), 0640);
	config_free(load_good(file_secret("open")));
}

static void test_so_is_a_private_key_and_not_a_certificate(void **state)
{
	write_text("client.pem", "certificate");
	write_text("client.key", "key");
	chmod(config_files_path("client.pem"), 0644);
	chmod(config_files_path("client.key"), 0644);
	expect("tls = { certificate = \"credential:client.pem\"; key = \"credential:client.key\"; };",
	    "error main.conf:2: clusters.main.tls.key: client.key: everyone can read or write it, so it "
	    "holds no secret; "
	    "take that right away: chmod o-rw client.key\n");
}

static void test_a_secret_that_may_not_be_read_is_77(void **state)
{
	const uid_t us = geteuid();
	struct config_findings findings = { 0 };
	char *text = cluster_with(file_secret("forbidden"));
	int exit_code;

	write_text("main.conf", text);
	write_text("forbidden", "hush");
	chmod(config_files_path("forbidden"), 0);
	/* Root reads everything: then it is nobody who asks. */
	chmod(config_files_path("main.conf"), 0644);
	chmod(config_files_path(""), 0755);
	assert_int_equal(seteuid(us == 0 ? 65534 : us), 0);
	assert_null(config_load(
	    config_files_path("main.conf"), false, CONFIG_TO_TEST, NULL, &findings, &exit_code));
	assert_int_equal(seteuid(us), 0);
	assert_int_equal(exit_code, EX_NOPERM);
	assert_non_null(strstr(findings.items[0].text, "Permission denied; let the daemon's user read it"));
	free(text);
	config_findings_clear(&findings);
}

static const char credential[] =
    "sasl = { mechanism = \"SCRAM-SHA-256\"; username = \"u\"; password = \"credential:kafka\"; };";

static void test_a_credential_without_a_service_is_a_warning_for_a_test_and_an_error_for_a_start(void **state)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	expect_for(CONFIG_TO_TEST, credential,
	    "warning main.conf:2: clusters.main.sasl.password: the credential \"kafka\" is not looked at, "
	    "because there is no "
	    "$CREDENTIALS_DIRECTORY here; systemd sets it for a unit with LoadCredential=kafka:FILE\n");
	expect_for(CONFIG_TO_RUN, credential,
	    "error main.conf:2: clusters.main.sasl.password: there is no credential \"kafka\", because "
	    "$CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential=kafka:FILE\n");
	name_credentials_directory();
}

static void test_a_missing_credential_or_file_is_an_error_for_both(void **state)
{
	static const char missing[] = "error main.conf:2: clusters.main.sasl.password: there is no "
	                              "credential \"kafka\" in $CREDENTIALS_DIRECTORY; add "
				      "LoadCredential=kafka:FILE to the unit\n";
	static const char no_file[] =
	    "error main.conf:2: clusters.main.sasl.password: absent: No such file or directory\n";

	unlink(config_files_path("kafka"));
	expect_for(CONFIG_TO_TEST, credential, missing);
	expect_for(CONFIG_TO_RUN, credential, missing);
	expect_for(CONFIG_TO_TEST, file_secret("absent"), no_file);
	expect_for(CONFIG_TO_RUN, file_secret("absent"), no_file);
}

static void test_the_name_of_a_credential_cannot_leave_its_directory(void **state)
{
	static const char *const names[] = { "", ".", "..", "../kafka", "a/b", "/etc/shadow", "a..b" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char groups[256], expected[512];

		snprintf(groups, sizeof groups,
		    "sasl = { mechanism = \"SCRAM-SHA-256\"; username = \"u\"; password = \"credential:%s\"; "
		    "};",
		    names[i]);
		snprintf(expected, sizeof expected,
		    "error main.conf:2: clusters.main.sasl.password: \"credential:%s\" names no credential; "
		    "write "
		    "\"credential:NAME\" with the name that stands in the unit's LoadCredential=, without "
		    "\"/\" and \"..\"\n",
		    names[i]);
		expect(groups, expected);
	}
}

static void test_all_that_is_wrong_is_said_in_one_run(void **state)
{
	write_text("client.pem", "certificate");
	expect("tls = { certificate = \"credential:client.pem\"; key_password = \"x\";\n"
	       "  verify = false; ca = \"ca.pem\"; };\n"
	       "sasl = { username = \"u\"; pasword = \"x\"; };\n"
	       "properties = [ \"security.protocol=ssl\", \"ssl.ca.location=/x\", \"sasl.password=y\" ];",
	    "error main.conf:2: clusters.main.tls.certificate: is of no use without its private key; add key "
	    "= "
	    "\"/PATH\"\n"
	    "error main.conf:2: clusters.main.tls.key_password: is of no use without key; add key = "
	    "\"/PATH\", or remove it\n"
	    "error main.conf:3: clusters.main.tls.ca: \"ca.pem\" is no absolute path; write \"/PATH\", or "
	    "\"credential:NAME\"\n"
	    "warning main.conf:3: clusters.main.tls.verify: false: whoever is between here and the brokers "
	    "can pose as them, "
	    "and read and change the records; set it to true, with the authority that signs their "
	    "certificates in ca\n"
	    "error main.conf:4: clusters.main.sasl.pasword: unknown key; did you mean \"password\"?\n"
	    "error main.conf:4: clusters.main.sasl.mechanism: is missing; add it (how to log in: "
	    "SCRAM-SHA-512, "
	    "SCRAM-SHA-256, PLAIN, OAUTHBEARER or GSSAPI)\n"
	    "error main.conf:5: clusters.main.properties: \"security.protocol\" is refused, because it "
	    "follows from the "
	    "groups tls and sasl of the cluster; remove it\n"
	    "error main.conf:5: clusters.main.properties: \"ssl.ca.location\" is refused, because it has its "
	    "own key: "
	    "tls.ca; remove it\n"
	    "error main.conf:5: clusters.main.properties: \"sasl.password\" is refused, because it has its "
	    "own key: "
	    "sasl.password; remove it\n");
}

static void test_each_mechanism_says_what_it_needs(void **state)
{
	expect("tls = { }; sasl = { mechanism = \"PLAIN\"; token_endpoint = \"https://x\"; };",
	    "error main.conf:2: clusters.main.sasl.username: is missing; PLAIN needs it\n"
	    "error main.conf:2: clusters.main.sasl.password: is missing; PLAIN needs it\n"
	    "error main.conf:2: clusters.main.sasl.token_endpoint: is of no use with PLAIN; remove it\n");
	expect("sasl = { mechanism = \"GSSAPI\"; username = \"u\"; };",
	    "error main.conf:2: clusters.main.sasl.username: is of no use with GSSAPI; see the properties "
	    "sasl.kerberos.*, and remove it\n");
	expect(
	    "tls = { }; sasl = { mechanism = \"OAUTHBEARER\"; username = \"id\"; token_endpoint = \"x\"; };",
	    "error main.conf:2: clusters.main.sasl.password: is missing; OAUTHBEARER needs it\n"
	    "error main.conf:2: clusters.main.sasl.token_endpoint: \"x\" is no URL; write "
	    "\"https://HOST/PATH\"\n");
	expect("tls = { }; sasl = { mechanism = \"OAUTHBEARER\"; };",
	    "error main.conf:2: clusters.main.sasl.mechanism: OAUTHBEARER needs to know where tokens come "
	    "from; add "
	    "token_endpoint, username and password, or the properties sasl.oauthbearer.*\n");
	expect("sasl = { mechanism = \"scram\"; };",
	    "error main.conf:2: clusters.main.sasl.mechanism: \"scram\" is not a choice here; use "
	    "\"SCRAM-SHA-512\", "
	    "\"SCRAM-SHA-256\", \"PLAIN\", \"OAUTHBEARER\" or \"GSSAPI\"\n");
	config_free(load_good("sasl = { mechanism = \"GSSAPI\"; };\n"
			      "properties = [ \"sasl.kerberos.principal=relay/host@REALM\" ];"));
	config_free(load_good("tls = { }; sasl = { mechanism = \"OAUTHBEARER\"; };\n"
			      "properties = [ \"sasl.oauthbearer.method=oidc\" ];"));
	config_free(load_good(
	    "tls = { }; sasl = { mechanism = \"OAUTHBEARER\"; username = \"id\"; password = \"secret\"; "
	    "token_endpoint = \"https://issuer/token\"; };\n"
	    "properties = [ \"sasl.oauthbearer.scope=relay\" ];"));
}

static void test_what_goes_in_the_clear_is_a_warning(void **state)
{
	expect("sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"x\"; };",
	    "warning main.conf:2: clusters.main.sasl.mechanism: PLAIN without TLS sends the password in the "
	    "clear; add tls = "
	    "{ } to the cluster, or use SCRAM-SHA-512\n");
	expect("tls = { }; sasl = { mechanism = \"OAUTHBEARER\"; username = \"u\"; password = \"x\"; "
	       "token_endpoint = "
	       "\"http://x\"; };",
	    "warning main.conf:2: clusters.main.sasl.token_endpoint: the client's secret goes over http:// "
	    "in the clear; use "
	    "https://\n");
	config_free(
	    load_good("sasl = { mechanism = \"SCRAM-SHA-512\"; username = \"u\"; password = \"x\"; };"));
}

static void test_a_password_that_is_wrong_is_not_shown(void **state)
{
	expect("tls = { }; sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"hush\\thush\"; };",
	    "error main.conf:2: clusters.main.sasl.password: holds a control character; write printable "
	    "text\n");
	expect("tls = { }; sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"\"; };",
	    "error main.conf:2: clusters.main.sasl.password: is empty; give its value or leave the key "
	    "out\n");
	expect("tls = { }; sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"file:hush\"; };",
	    "error main.conf:2: clusters.main.sasl.password: \"file:hush\" is no absolute path; write "
	    "\"file:/PATH\"\n");
}

static void test_a_password_in_a_configuration_that_everyone_can_read_is_a_warning(void **state)
{
	struct config_findings findings = { 0 };
	struct config *config;
	char *found;
	int exit_code;

	config_free(
	    load_good("sasl = { mechanism = \"SCRAM-SHA-512\"; username = \"u\"; password = \"x\"; };"));
	chmod(config_files_path("main.conf"), 0644);
	config =
	    config_load(config_files_path("main.conf"), false, CONFIG_TO_RUN, NULL, &findings, &exit_code);
	assert_non_null(config);
	found = config_files_describe(&findings);
	assert_string_equal(found, "warning main.conf:2: clusters.main.sasl.password: \"password\" is a "
	                           "secret in a file that everyone can read; "
				   "take that right away: chmod o-r main.conf\n");
	free(found);
	config_free(config);
	config_findings_clear(&findings);
}

static void test_properties_that_the_groups_decide_are_refused_for_pipelines_too(void **state)
{
	struct config_findings findings = { 0 };
	char *found;
	int exit_code;

	assert_null(config_files_load(
	    "clusters = { main = { brokers = \"b:1\"; sasl = { mechanism = \"GSSAPI\"; }; }; "
	    "};\n" GOOD_PIPELINE("properties = [ \"SASL.mechanism=PLAIN\", \"sasl.kerberos.principal=x\" ];",
		"properties = [ \"ssl.cipher.suites=x\" ];", ""),
	    &findings, &exit_code));
	found = config_files_describe(&findings);
	assert_string_equal(found,
	    "error main.conf:4: pipelines.orders.from.properties: \"SASL.mechanism\" is refused, because it "
	    "has its own key: "
	    "sasl.mechanism; remove it\n"
	    "error main.conf:5: pipelines.orders.to.properties: \"ssl.cipher.suites\" is refused, because "
	    "the cluster has a "
	    "group sasl and none for tls, so connections are not encrypted: add tls = { }; remove it\n");
	free(found);
	config_findings_clear(&findings);
}

static void assert_change(const struct config *before, const struct config *after, const char *key)
{
	char *found = diff_pipeline(&before->pipelines[0], &after->pipelines[0]);

	if (key) {
		assert_non_null(found);
		assert_string_equal(found, key);
	} else {
		assert_null(found);
	}
	free(found);
}

static void test_a_change_of_secret_or_file_is_seen(void **state)
{
	static const char groups[] =
	    "tls = { ca = \"credential:ca.pem\"; };\n"
	    "sasl = { mechanism = \"PLAIN\"; username = \"u\"; password = \"credential:kafka\"; };";
	struct config *before, *after;

	write_text("kafka", "one");
	write_text("ca.pem", "authority");
	before = load_good(groups);
	after = load_good(groups);
	assert_change(before, after, NULL);
	config_free(after);
	write_text("kafka", "two");
	after = load_good(groups);
	assert_change(before, after, "clusters.main.sasl.password");
	config_free(after);
	write_text("kafka", "one");
	write_text("ca.pem", "another authority");
	after = load_good(groups);
	assert_change(before, after, "clusters.main.tls.ca");
	config_free(after);
	config_free(before);
	before = load_good("properties = [ \"sasl.password=one\" ];");
	after = load_good("properties = [ \"sasl.password=two\" ];");
	assert_change(before, after, "clusters.main.properties");
	config_free(after);
	config_free(before);
}

static int set_up(void **state)
{
	config_files_begin();
	name_credentials_directory();
	return 0;
}

static int tear_down(void **state)
{
	config_files_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_the_groups_there_is_neither),
		cmocka_unit_test(test_an_empty_tls_checks_the_server_against_what_the_system_trusts),
		cmocka_unit_test(test_values_are_read),
		cmocka_unit_test(test_the_dump_shows_where_a_secret_is_and_never_the_secret),
		cmocka_unit_test(test_one_newline_is_no_part_of_a_secret),
		cmocka_unit_test(test_files_that_hold_no_secret_are_refused),
		cmocka_unit_test(test_a_secret_that_everyone_can_read_or_write_is_refused),
		cmocka_unit_test(test_so_is_a_private_key_and_not_a_certificate),
		cmocka_unit_test(test_a_secret_that_may_not_be_read_is_77),
		cmocka_unit_test(
		    test_a_credential_without_a_service_is_a_warning_for_a_test_and_an_error_for_a_start),
		cmocka_unit_test(test_a_missing_credential_or_file_is_an_error_for_both),
		cmocka_unit_test(test_the_name_of_a_credential_cannot_leave_its_directory),
		cmocka_unit_test(test_all_that_is_wrong_is_said_in_one_run),
		cmocka_unit_test(test_each_mechanism_says_what_it_needs),
		cmocka_unit_test(test_what_goes_in_the_clear_is_a_warning),
		cmocka_unit_test(test_a_password_that_is_wrong_is_not_shown),
		cmocka_unit_test(test_a_password_in_a_configuration_that_everyone_can_read_is_a_warning),
		cmocka_unit_test(test_properties_that_the_groups_decide_are_refused_for_pipelines_too),
		cmocka_unit_test(test_a_change_of_secret_or_file_is_seen),
	};

	return cmocka_run_group_tests_name("config security", tests, set_up, tear_down);
}

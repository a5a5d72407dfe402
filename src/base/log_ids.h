/* log_ids.h: the journal's MESSAGE_IDs, for the events that an operator looks up or alerts on
 * (`journalctl MESSAGE_ID=...`). An id names one kind of event for ever: never change or reuse one. */
#pragma once

#define LOG_ID_DAEMON_READY                                                                                  \
	"661e3c6007894c60bda9c07237baa2b5" /* config valid, threads running, listeners bound */
#define LOG_ID_PIPELINE_FAILED                                                                               \
	"cd6f5513af8a4cbfb0973a57d426f0b6" /* nothing of the pipeline runs until a person acts */
#define LOG_ID_PARTITION_BLOCKED                                                                             \
	"88ac5e2b44c64cf68a895cd31d16c595" /* one partition waits for a person, the rest runs */
#define LOG_ID_SOURCE_GAP "5049d65aa355442ca52a9730596461ee" /* records are missing in the source */
#define LOG_ID_SOURCE_STALLED                                                                                \
	"c2aa4c63760c41869753759d7f599596" /* a partition was not fetched any more, and is read anew */
#define LOG_ID_CALL_HANGS                                                                                    \
	"8cb99118eb604daaaa1ddbede889567b" /* librdkafka does not return from a call */
#define LOG_ID_DRAIN_INCOMPLETE                                                                              \
	"9e5b5fdd9fd14442a4b81bccc5fc5e0a" /* stopped with records that will be read again */
#define LOG_ID_BACKING_OFF "e0cea8dd0dbf4001ac9f182af6495fdf" /* a transient fault, tried again by itself */
#define LOG_ID_RECORDS_LOST                                                                                  \
	"f7c8ae095df64fbfa8b650f2042b4864" /* at_most_once: records that will not arrive */
#define LOG_ID_RECORD_REFUSED                                                                                \
	"58d32f2393a046a6b78387a5ab823282" /* skipped or a dead letter, as on_error says */
#define LOG_ID_RELOADED                                                                                      \
	"c7b4d86a657b423595313e034461c982" /* a new configuration holds */
#define LOG_ID_RELOAD_REFUSED                                                                                \
	"6a08e13e1dfc44d1af3326c683e567a9" /* a new configuration is wrong, and the old one holds */
#define LOG_ID_COMMAND                                                                                       \
	"c719af7976234a68a3fc033e2b514c55" /* a person has given a command on the control socket */

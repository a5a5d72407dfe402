/* shim.h: what stands between the engine and its source and sink. It passes everything on; a mutant changes
 * something on the way, so that the relay as a whole breaks a promise and the checker must see it. It also
 * counts operations, so that a process can be killed between any two. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/flow.h"

struct instance;
struct report;

/* Given to the engine, with the instance as their context. */
extern const struct source_ops shim_source_ops;
extern const struct sink_ops shim_sink_ops;

/* Events on their way to the engine. */
void shim_assigned(struct instance *instance, uint32_t part, uint64_t epoch, int64_t position);
void shim_chunk(struct instance *instance, const struct chunk *chunk);
void shim_position(struct instance *instance, uint32_t part, uint64_t epoch, int64_t next);
void shim_revoke_begin(struct instance *instance, uint32_t part);
void shim_lost(struct instance *instance, uint32_t part);
void shim_source_blocked(struct instance *instance, uint32_t part, int64_t offset, const struct error *err);
void shim_commit_done(struct instance *instance, struct mark *marks, size_t count, const struct error *err);
void shim_source_failed(struct instance *instance, const struct error *err);
void shim_report(struct instance *instance, const struct report *report, const struct error *err);
void shim_sink_ready(struct instance *instance);
void shim_sink_fatal(struct instance *instance, const struct error *err);
void shim_txn_done(struct instance *instance, enum txn_outcome outcome, const struct error *err);

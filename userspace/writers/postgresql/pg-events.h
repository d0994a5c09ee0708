/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PostgreSQL cluster as a writer.
 */
#ifndef WRITERS_POSTGRESQL_PG_EVENTS_H
#define WRITERS_POSTGRESQL_PG_EVENTS_H

#include "pg-cluster.h"

/* The class of all clusters; instances are told apart by the cluster's name. */
#define PG_WRITER_CLASS	"b0f5a3de-6f0e-4d2c-9a57-3f1f6f4c8a15"

/* Callbacks whose data is a struct pg_cluster. */
extern const struct vss_writer_ops pg_ops;

/* Make the cluster's writer object. */
vss_result pg_writer_initialize(struct pg_cluster *cluster, const char *address, struct vss_error *err);

#endif /* WRITERS_POSTGRESQL_PG_EVENTS_H */

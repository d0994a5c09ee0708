/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The constants of the VSS model, by VSS's own names and values (vss.h,
 * vswriter.h and vsbackup.h of the Windows SDK), and the records that its
 * calls return.
 */
#ifndef VSS_TYPES_H
#define VSS_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <vss/error.h>
#include <vss/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

/* VSS_VOLUME_SNAPSHOT_ATTRIBUTES */
enum vss_volsnap_attr {
	VSS_VOLSNAP_ATTR_PERSISTENT		= 0x00000001,
	VSS_VOLSNAP_ATTR_NO_AUTORECOVERY	= 0x00000002,
	VSS_VOLSNAP_ATTR_CLIENT_ACCESSIBLE	= 0x00000004,
	VSS_VOLSNAP_ATTR_NO_AUTO_RELEASE	= 0x00000008,
	VSS_VOLSNAP_ATTR_NO_WRITERS		= 0x00000010,
	VSS_VOLSNAP_ATTR_TRANSPORTABLE		= 0x00000020,
	VSS_VOLSNAP_ATTR_NOT_SURFACED		= 0x00000040,
	VSS_VOLSNAP_ATTR_NOT_TRANSACTED		= 0x00000080,
	VSS_VOLSNAP_ATTR_HARDWARE_ASSISTED	= 0x00010000,
	VSS_VOLSNAP_ATTR_DIFFERENTIAL		= 0x00020000,
	VSS_VOLSNAP_ATTR_PLEX			= 0x00040000,
	VSS_VOLSNAP_ATTR_IMPORTED		= 0x00080000,
	VSS_VOLSNAP_ATTR_EXPOSED_LOCALLY	= 0x00100000,
	VSS_VOLSNAP_ATTR_EXPOSED_REMOTELY	= 0x00200000,
	VSS_VOLSNAP_ATTR_AUTORECOVER		= 0x00400000,
	VSS_VOLSNAP_ATTR_ROLLBACK_RECOVERY	= 0x00800000,
	VSS_VOLSNAP_ATTR_DELAYED_POSTSNAPSHOT	= 0x01000000,
	VSS_VOLSNAP_ATTR_TXF_RECOVERY		= 0x02000000,
	VSS_VOLSNAP_ATTR_FILE_SHARE		= 0x04000000,
};

/* VSS_SNAPSHOT_CONTEXT */
#define VSS_CTX_BACKUP				UINT32_C(0x00000000)
#define VSS_CTX_FILE_SHARE_BACKUP		UINT32_C(0x00000010)
#define VSS_CTX_NAS_ROLLBACK			UINT32_C(0x00000019)
#define VSS_CTX_APP_ROLLBACK			UINT32_C(0x00000009)
#define VSS_CTX_CLIENT_ACCESSIBLE		UINT32_C(0x0000001d)
#define VSS_CTX_CLIENT_ACCESSIBLE_WRITERS	UINT32_C(0x0000000d)
#define VSS_CTX_ALL				UINT32_C(0xffffffff)
/* The page on transportable shadow copies calls the standard context so. */
#define VSS_CTX_APP_BACKUP			VSS_CTX_BACKUP

enum vss_object_type {
	VSS_OBJECT_UNKNOWN,
	VSS_OBJECT_NONE,
	VSS_OBJECT_SNAPSHOT_SET,
	VSS_OBJECT_SNAPSHOT,
	VSS_OBJECT_PROVIDER,
	VSS_OBJECT_TYPE_COUNT,
};

enum vss_snapshot_state_ex {
	VSS_SS_UNKNOWN,
	VSS_SS_PREPARING,
	VSS_SS_PROCESSING_PREPARE,
	VSS_SS_PREPARED,
	VSS_SS_PROCESSING_PRECOMMIT,
	VSS_SS_PRECOMMITTED,
	VSS_SS_PROCESSING_COMMIT,
	VSS_SS_COMMITTED,
	VSS_SS_PROCESSING_POSTCOMMIT,
	VSS_SS_PROCESSING_PREFINALCOMMIT,
	VSS_SS_PREFINALCOMMITTED,
	VSS_SS_PROCESSING_POSTFINALCOMMIT,
	VSS_SS_CREATED,
	VSS_SS_ABORTED,
	VSS_SS_DELETED,
	VSS_SS_POSTCOMMITTED,
	VSS_SS_COUNT,
};

enum vss_provider_type {
	VSS_PROV_UNKNOWN,
	VSS_PROV_SYSTEM,
	VSS_PROV_SOFTWARE,
	VSS_PROV_HARDWARE,
	VSS_PROV_FILESHARE,
};

enum vss_application_level {
	VSS_APP_UNKNOWN,
	VSS_APP_SYSTEM,
	VSS_APP_BACK_END,
	VSS_APP_FRONT_END,
	VSS_APP_SYSTEM_RM,
};

enum vss_backup_type {
	VSS_BT_UNDEFINED,
	VSS_BT_FULL,
	VSS_BT_INCREMENTAL,
	VSS_BT_DIFFERENTIAL,
	VSS_BT_LOG,
	VSS_BT_COPY,
	VSS_BT_OTHER,
};

enum vss_restore_type {
	VSS_RTYPE_UNDEFINED,
	VSS_RTYPE_BY_COPY,
	VSS_RTYPE_IMPORT,
	VSS_RTYPE_OTHER,
};

enum vss_writer_state {
	VSS_WS_UNKNOWN,
	VSS_WS_STABLE,
	VSS_WS_WAITING_FOR_FREEZE,
	VSS_WS_WAITING_FOR_THAW,
	VSS_WS_WAITING_FOR_POST_SNAPSHOT,
	VSS_WS_WAITING_FOR_BACKUP_COMPLETE,
	VSS_WS_FAILED_AT_IDENTIFY,
	VSS_WS_FAILED_AT_PREPARE_BACKUP,
	VSS_WS_FAILED_AT_PREPARE_SNAPSHOT,
	VSS_WS_FAILED_AT_FREEZE,
	VSS_WS_FAILED_AT_THAW,
	VSS_WS_FAILED_AT_POST_SNAPSHOT,
	VSS_WS_FAILED_AT_BACKUP_COMPLETE,
	VSS_WS_FAILED_AT_PRE_RESTORE,
	VSS_WS_FAILED_AT_POST_RESTORE,
	VSS_WS_FAILED_AT_BACKUPSHUTDOWN,
	VSS_WS_COUNT,
};

enum vss_component_type {
	VSS_CT_UNDEFINED,
	VSS_CT_DATABASE,
	VSS_CT_FILEGROUP,
};

enum vss_component_flags {
	VSS_CF_BACKUP_RECOVERY		= 0x1,
	VSS_CF_APP_ROLLBACK_RECOVERY	= 0x2,
	VSS_CF_NOT_SYSTEM_STATE		= 0x4,
};

enum vss_usage_type {
	VSS_UT_UNDEFINED,
	VSS_UT_BOOTABLESYSTEMSTATE,
	VSS_UT_SYSTEMSERVICE,
	VSS_UT_USERDATA,
	VSS_UT_OTHER,
};

enum vss_source_type {
	VSS_ST_UNDEFINED,
	VSS_ST_TRANSACTEDDB,
	VSS_ST_NONTRANSACTEDDB,
	VSS_ST_OTHER,
};

enum vss_restoremethod {
	VSS_RME_UNDEFINED,
	VSS_RME_RESTORE_IF_NOT_THERE,
	VSS_RME_RESTORE_IF_CAN_REPLACE,
	VSS_RME_STOP_RESTORE_START,
	VSS_RME_RESTORE_TO_ALTERNATE_LOCATION,
	VSS_RME_RESTORE_AT_REBOOT,
	VSS_RME_RESTORE_AT_REBOOT_IF_CANNOT_REPLACE,
	VSS_RME_CUSTOM,
	VSS_RME_RESTORE_STOP_START,
};

enum vss_writerrestore {
	VSS_WRE_UNDEFINED,
	VSS_WRE_NEVER,
	VSS_WRE_IF_REPLACE_FAILS,
	VSS_WRE_ALWAYS,
};

enum vss_file_restore_status {
	VSS_RS_UNDEFINED,
	VSS_RS_NONE,
	VSS_RS_ALL,
	VSS_RS_FAILED,
};

enum vss_restore_target {
	VSS_RT_UNDEFINED,
	VSS_RT_ORIGINAL,
	VSS_RT_ALTERNATE,
	VSS_RT_DIRECTED,
	VSS_RT_ORIGINAL_LOCATION,
};

enum vss_rollforward_type {
	VSS_RF_UNDEFINED,
	VSS_RF_NONE,
	VSS_RF_ALL,
	VSS_RF_PARTIAL,
};

enum vss_backup_schema {
	VSS_BS_UNDEFINED			= 0x0,
	VSS_BS_DIFFERENTIAL			= 0x1,
	VSS_BS_INCREMENTAL			= 0x2,
	VSS_BS_EXCLUSIVE_INCREMENTAL_DIFFERENTIAL = 0x4,
	VSS_BS_LOG				= 0x8,
	VSS_BS_COPY				= 0x10,
	VSS_BS_TIMESTAMPED			= 0x20,
	VSS_BS_LAST_MODIFY			= 0x40,
	VSS_BS_LSN				= 0x80,
	VSS_BS_WRITER_SUPPORTS_NEW_TARGET	= 0x100,
	VSS_BS_WRITER_SUPPORTS_RESTORE_WITH_MOVE = 0x200,
	VSS_BS_INDEPENDENT_SYSTEM_STATE		= 0x400,
	VSS_BS_ROLLFORWARD_RESTORE		= 0x1000,
	VSS_BS_RESTORE_RENAME			= 0x2000,
	VSS_BS_AUTHORITATIVE_RESTORE		= 0x4000,
	VSS_BS_WRITER_SUPPORTS_PARALLEL_RESTORES = 0x8000,
};

enum vss_file_spec_backup_type {
	VSS_FSBT_FULL_BACKUP_REQUIRED		= 0x0001,
	VSS_FSBT_DIFFERENTIAL_BACKUP_REQUIRED	= 0x0002,
	VSS_FSBT_INCREMENTAL_BACKUP_REQUIRED	= 0x0004,
	VSS_FSBT_LOG_BACKUP_REQUIRED		= 0x0008,
	VSS_FSBT_FULL_SNAPSHOT_REQUIRED		= 0x0100,
	VSS_FSBT_DIFFERENTIAL_SNAPSHOT_REQUIRED	= 0x0200,
	VSS_FSBT_INCREMENTAL_SNAPSHOT_REQUIRED	= 0x0400,
	VSS_FSBT_LOG_SNAPSHOT_REQUIRED		= 0x0800,
	VSS_FSBT_ALL_BACKUP_REQUIRED		= 0x000f,
	VSS_FSBT_ALL_SNAPSHOT_REQUIRED		= 0x0f00,
};

/* VSS_HARDWARE_OPTIONS, for BreakSnapshotSetEx */
enum vss_breakex_flag {
	VSS_BREAKEX_FLAG_MASK_LUNS		= 0x1,
	VSS_BREAKEX_FLAG_MAKE_READ_WRITE	= 0x2,
	VSS_BREAKEX_FLAG_REVERT_IDENTITY_ALL	= 0x4,
	VSS_BREAKEX_FLAG_REVERT_IDENTITY_NONE	= 0x8,
};

/* VSS_RECOVERY_OPTIONS, for RecoverSet */
enum vss_recovery_option {
	VSS_RECOVERY_REVERT_IDENTITY_ALL	= 0x100,
	VSS_RECOVERY_NO_VOLUME_CHECK		= 0x200,
};

/* What IsVolumeSnapshotted says may not be done to the volume. */
enum vss_snapshot_compatibility {
	VSS_SC_DISABLE_DEFRAG			= 0x1,
	VSS_SC_DISABLE_CONTENTINDEX		= 0x2,
};

/**
 * struct vss_snapshot_prop - What is known of a shadow copy (VSS_SNAPSHOT_PROP).
 * @snapshot_id: its identifier
 * @snapshot_set_id: that of its set
 * @snapshots_count: shadow copies in the set when it was made
 * @device_object: block device of its image, "" while it has none
 * @original_volume_name: device node of the volume that it is a copy of
 * @originating_machine: where it was made
 * @service_machine: where it is now
 * @exposed_name: mount point or share name, NULL when it is not exposed
 * @exposed_path: what of it is shared, NULL when it is not exposed
 * @provider_id: who made it
 * @attributes: enum vss_volsnap_attr
 * @creation_time: nanoseconds since 1970-01-01 UTC, of the instant
 * @status: VSS_SS_CREATED; VSS_SS_ABORTED when it is lost, and can only be deleted;
 *	VSS_SS_UNKNOWN while it is not available, for the storage that it is in is not there
 */
struct vss_snapshot_prop {
	struct vss_uuid snapshot_id;
	struct vss_uuid snapshot_set_id;
	uint32_t snapshots_count;
	char *device_object;
	char *original_volume_name;
	char *originating_machine;
	char *service_machine;
	char *exposed_name;
	char *exposed_path;
	struct vss_uuid provider_id;
	uint32_t attributes;
	uint64_t creation_time;
	enum vss_snapshot_state_ex status;
};

/**
 * struct vss_provider_prop - What is known of a provider (VSS_PROVIDER_PROP).
 * @provider_id: its identifier
 * @provider_name: for people
 * @provider_type: system, software or hardware
 * @provider_version: text
 * @provider_version_id: changes with each version
 * @class_id: unused off Windows; null
 */
struct vss_provider_prop {
	struct vss_uuid provider_id;
	char *provider_name;
	enum vss_provider_type provider_type;
	char *provider_version;
	struct vss_uuid provider_version_id;
	struct vss_uuid class_id;
};

/**
 * struct vss_object_prop - One result of a query (VSS_OBJECT_PROP).
 * @type: VSS_OBJECT_SNAPSHOT or VSS_OBJECT_PROVIDER
 * @snap: set for a shadow copy
 * @prov: set for a provider
 */
struct vss_object_prop {
	enum vss_object_type type;
	union {
		struct vss_snapshot_prop snap;
		struct vss_provider_prop prov;
	};
};

/**
 * vss_free_snapshot_properties() - Free what a struct vss_snapshot_prop owns.
 * @prop: the properties; all zeroes afterwards
 */
void vss_free_snapshot_properties(struct vss_snapshot_prop *prop);

/**
 * vss_free_provider_properties() - Free what a struct vss_provider_prop owns.
 * @prop: the properties; all zeroes afterwards
 */
void vss_free_provider_properties(struct vss_provider_prop *prop);

/**
 * vss_context_check() - Is this a context that SetContext takes?
 * @context: context with modifiers
 * @err: receives what is wrong; may be NULL
 *
 * Return: S_OK or E_INVALIDARG.
 */
vss_result vss_context_check(uint32_t context, struct vss_error *err);

/* What follows from a context; false for VSS_CTX_ALL. */
bool vss_context_has_writers(uint32_t context);
bool vss_context_is_persistent(uint32_t context);
bool vss_context_is_auto_release(uint32_t context);

/**
 * vss_context_parse() - Read a context as people write it.
 * @text: names joined by "|", with or without VSS_CTX_ and VSS_VOLSNAP_ATTR_, in
 *	either case, "-" for "_"; or a number
 * @context: receives the context, which vss_context_check() still has to judge
 *
 * Return: true if @text was understood.
 */
bool vss_context_parse(const char *text, uint32_t *context);

/**
 * vss_context_name() - A context as people write it.
 * @context: the context or the attributes of a shadow copy
 *
 * Return: text to free(), NULL without memory.
 */
char *vss_context_name(uint32_t context);

/* The names of enumerators ("VSS_WS_STABLE"); "?" for others. */
const char *vss_writer_state_name(enum vss_writer_state state);
const char *vss_usage_type_name(enum vss_usage_type usage);
const char *vss_source_type_name(enum vss_source_type source);
const char *vss_component_type_name(enum vss_component_type type);
const char *vss_provider_type_name(enum vss_provider_type type);
const char *vss_backup_type_name(enum vss_backup_type type);

#ifdef __cplusplus
}
#endif

#endif /* VSS_TYPES_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is behind the handles of a Writer Metadata Document.  The libxml2 tree
 * is the document; the lists are an index of it, so that going through
 * thousands of file sets by number takes time in proportion to them.
 */
#ifndef VSS_SRC_WRITER_METADATA_TREE_H
#define VSS_SRC_WRITER_METADATA_TREE_H

#include <libxml/hash.h>
#include <vss/metadata.h>

#include "xml-judge.h"

/* Children of FILE_GROUP and DATABASE. */
enum vss_wm_list {
	VSS_WM_FILES,
	VSS_WM_DATABASE_FILES,
	VSS_WM_LOG_FILES,
	VSS_WM_DEPENDENCIES,
	VSS_WM_LIST_COUNT,
};

struct vss_wm_component {
	struct vss_writer_metadata *metadata;
	xmlNode *node;				/* FILE_GROUP or DATABASE */
	struct vss_file_sets *file_sets;	/* NULL until one is added */
	struct vss_xml_list lists[VSS_WM_LIST_COUNT];
};

struct vss_writer_metadata {
	xmlDoc *doc;
	struct vss_error error;
	xmlNode *identification;
	xmlNode *restore_method;		/* NULL for none */
	xmlNode *locations;			/* BACKUP_LOCATIONS */
	struct vss_wm_component **components;
	uint32_t count;
	uint32_t room;
	struct vss_xml_list excludes;
	struct vss_xml_list snapshot_excludes;
	struct vss_xml_list mappings;
	xmlHashTable *by_name;			/* name and logical path to struct vss_wm_component */
};

#define VSS_METADATA_NAMESPACE	"x-schema:#VssWriterMetadataInfo"

/* Rules, and how enumerators are spelt (writer-metadata-rules.c). */
extern const struct vss_xml_element_rule vss_rule_writer_metadata;
extern const char *const vss_writer_metadata_names[];
extern const char *const vss_wm_list_names[VSS_WM_LIST_COUNT];
extern const struct vss_xml_word vss_words_usage[];
extern const struct vss_xml_word vss_words_source[];
extern const struct vss_xml_word vss_words_restore_method[];
extern const struct vss_xml_word vss_words_writer_restore[];

/* A handle for a tree that was judged, or made; takes @doc, also on failure. */
vss_result vss_writer_metadata_of(xmlDoc *doc, struct vss_writer_metadata **metadata, struct vss_error *err);
/* One more component; its element is in the tree already. */
vss_result vss_writer_metadata_add(struct vss_writer_metadata *metadata, xmlNode *node);
/* NULL when there is none. */
struct vss_wm_component *vss_writer_metadata_find(struct vss_writer_metadata *metadata,
						  const char *logical_path, const char *name);
bool vss_wm_component_is_database(const struct vss_wm_component *component);

#endif /* VSS_SRC_WRITER_METADATA_TREE_H */

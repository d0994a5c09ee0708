/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stable ids of what vssd tells the journal (MESSAGE_ID=), explained to people
 * in vssd.catalog.  An id never changes its meaning and is never used again.
 */
#ifndef VSSD_MESSAGES_H
#define VSSD_MESSAGES_H

/* Vssd is ready */
#define VSSD_MESSAGE_STARTED	"cfe679fd8f994fea9d625c15d88d73d7"
/* A shadow copy set was created */
#define VSSD_MESSAGE_SET_CREATED	"932e06c2f4814577b8de8ee8b70d763d"
/* A shadow copy set could not be created */
#define VSSD_MESSAGE_SET_FAILED	"e15e45327ff54a8bbe9ec76090c8c6ae"
/* Shadow copies were deleted */
#define VSSD_MESSAGE_SET_DELETED	"9c419cbd17a843ddaf43a738d4c7269a"
/* A requester went away with work under way */
#define VSSD_MESSAGE_SESSION_DIED	"b47b006b868f4206825050e401ae8d25"
/* A writer failed, or was too slow */
#define VSSD_MESSAGE_WRITER_FAILED	"d087ba80245044eabf03406af8a10afe"
/* A writer went away without unsubscribing */
#define VSSD_MESSAGE_WRITER_DIED	"451315312d7b4691beb08b20cdadc806"
/* A provider failed, vetoed, or gave a code it may not give */
#define VSSD_MESSAGE_PROVIDER_FAILED	"9f513c3f05d646a5b3d259055948d89e"
/* The process of a provider ended, or was killed because it was too slow */
#define VSSD_MESSAGE_PROVIDER_DIED	"f76b4502da8e48939a1d96d8f5d97d14"
/* What an earlier life of vssd left was taken over or removed */
#define VSSD_MESSAGE_RECONCILED	"a62c5987c07040f29a44bb1eff860a97"
/* A peer was refused for who it is */
#define VSSD_MESSAGE_ACCESS_DENIED	"7223065e398a498f865d44096e07a1a0"
/* A peer was refused because its user has too much open */
#define VSSD_MESSAGE_LIMIT_REACHED	"fec2de74eacc4aa2b21b6558ddbaffb5"
/* A document from a requester or writer was refused */
#define VSSD_MESSAGE_DOCUMENT_INVALID	"2c305a642a5e49d283705c6ad32a32eb"
/* A shadow copy was lost: its provider has it no more */
#define VSSD_MESSAGE_SNAPSHOT_LOST	"7198441285b24541974dc8f1b0cb8bfd"
/* A shadow copy is not available for now, or is again */
#define VSSD_MESSAGE_SNAPSHOT_AWAY	"e0e28b6142ac4682a3dc7f3de7eb723c"
/* A transported shadow copy set was imported */
#define VSSD_MESSAGE_SET_IMPORTED	"8e6a54061b284fb08233e215bedeeaf8"
/* A shadow copy set was broken into ordinary volumes */
#define VSSD_MESSAGE_SET_BROKEN	"2f8ba0b812ff4b22822153071cf7710f"
/* A shadow copy was exposed, or is no more */
#define VSSD_MESSAGE_EXPOSURE	"c96ba057aa5241d7bbb0596080fb4b03"
/* A volume is set back to a shadow copy */
#define VSSD_MESSAGE_REVERT	"88f873d3ba6d41539ad182b381427e86"
/* A record of a shadow copy set could not be written, read or removed */
#define VSSD_MESSAGE_RECORD_FAILED	"e9bcc357dc7249b881ce1eb63c37927a"

#endif /* VSSD_MESSAGES_H */

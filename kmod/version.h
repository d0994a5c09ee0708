/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VSS_VERSION_H
#define VSS_VERSION_H

#define VSS_VERSION	"0.1.0"

#endif /* VSS_VERSION_H */

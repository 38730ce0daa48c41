/* What people are told: one line per event, always with the addresses, saying what we wanted and
 * what was offered. An error becomes last-error of peer and policy; a success clears it. */
#pragma once

#include "ike_priv.h"

enum report_kind { REPORT_PLAIN, REPORT_ERROR, REPORT_SUCCESS };

/* About a negotiation or SA of phase 1; " L[port]<=>R[port]" is put behind. */
void report_phase1(struct phase1 *p1, enum ike_report_level level, enum report_kind kind,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* About a policy; POLICY may be NULL when none was found. */
void report_quick(struct phase1 *p1, const struct policy *policy, enum ike_report_level level,
                  enum report_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void report_policy(const struct policy *policy, enum ike_report_level level, enum report_kind kind,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* About something a stranger sent: in the log at most a few a minute and source, in last-error of
 * PEER, which may be NULL, always. */
void report_stranger(struct ike *ike, const struct peer *peer, const struct ike_path *path,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A stranger wants to negotiate: also last-error of the first policy for its address. */
void report_no_peer(struct ike *ike, const struct ike_path *path);
/* "192.0.2.1[500]"; returns BUF. */
#define REPORT_END_MAX (IP_TEXT_MAX + 8)
char *report_end(const struct ip_addr *a, uint16_t port, char *buf);

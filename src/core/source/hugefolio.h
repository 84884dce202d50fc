/** From runs of pages to folios: kpageflags of their frames says where each begins and ends. */
#ifndef VM_SOURCE_HUGEFOLIO_H
#define VM_SOURCE_HUGEFOLIO_H

#include <stdbool.h>
#include <stddef.h>

#include "core/model/hugespace.h"
#include "core/model/hugesys.h"
#include "core/model/page.h"

struct vm_folios;
struct vm_session;

/** Orders that folios of anonymous memory have anywhere on this machine, as bits: nr_anon of each size. */
#define VM_FOLIOS_ALL UINT64_MAX           /* not known */
uint64_t vm_folios_orders(const struct vm_hugesys *sys, uint64_t page_bytes);

/**
 * For as many spaces as one likes.  `anon_orders`: vm_folios_orders(); where few are in use, few frames must be looked at.  Without
 * permission to read kpageflags it does without.  NULL when memory is out.
 */
struct vm_folios *vm_folios_new(struct vm_session *s, uint64_t anon_orders);
void vm_folios_free(struct vm_folios *f);

/** From now on add to `h`, whose mappings are classified.  `merged`: KSM's pages are to be counted. */
void vm_folios_begin(struct vm_folios *f, struct vm_huge_space *h, bool merged);

/** Can flags of frames be read?  If not, why: a clause. */
bool vm_folios_known(const struct vm_folios *f);
const char *vm_folios_why(const struct vm_folios *f);

/** Runs don't tell which ranges one entry maps: smaps's figures of the mapping are to decide. */
void vm_folios_guess(struct vm_folios *f, bool guess);

/** A run of mapping `m`; ascending, and as long as it can be: what follows another one is joined with it.  0 or -ENOMEM. */
int vm_folios_put(struct vm_folios *f, size_t m, const struct vm_page_run *r);

/** All were put.  0 or -ENOMEM. */
int vm_folios_end(struct vm_folios *f);

#endif

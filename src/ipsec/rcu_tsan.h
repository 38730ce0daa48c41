/* What liburcu guarantees, told to ThreadSanitizer, which cannot see into an uninstrumented
 * library: what was written before publishing is seen by readers, and readers are done when a
 * grace period ends. Empty in every other build. */
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define RCU_TSAN 1
#endif

#ifdef RCU_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#else
#define __tsan_acquire(addr) ((void)(addr))
#define __tsan_release(addr) ((void)(addr))
#endif

/* Before P is published. */
static inline void rcu_tsan_publish(void *p)
{
    __tsan_release(p);
}

/* After P was found, before anything in it is read. */
static inline void rcu_tsan_found(void *p)
{
    __tsan_acquire(p);
}

/* Before leaving a read-side section; DOMAIN is whatever the waiting side waits with. */
static inline void rcu_tsan_leave(void *domain)
{
    __tsan_release(domain);
}

/* After a grace period. */
static inline void rcu_tsan_waited(void *domain)
{
    __tsan_acquire(domain);
}

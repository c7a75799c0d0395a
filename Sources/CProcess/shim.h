#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

/* What Swift cannot call by itself: functions with any number of arguments, and unions. */

/* Makes processes whose parents have ended children of this one (prctl(2)), instead of the first process of the machine. */
static inline int parley_become_subreaper(void) {
#if defined(__linux__)
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#else
    return -1;
#endif
}

/* Whether there is a child that has ended and that nobody has waited for. */
static inline int parley_has_dead_child(void) {
    siginfo_t info;
    info.si_pid = 0;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Sets the soft limit of uninterrupted realtime processor time, in microseconds, which says nothing to usual programs; its old
   value goes to `previous`. */
static inline int parley_set_realtime_limit(unsigned long long value, unsigned long long *previous) {
#if defined(__linux__)
    struct rlimit limit;
    if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return -1;
    *previous = limit.rlim_cur;
    limit.rlim_cur = value;
    return setrlimit(RLIMIT_RTTIME, &limit);
#else
    return -1;
#endif
}

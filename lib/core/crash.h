/* crash.h - a point at which a test kills the process, to see that what comes after loses nothing.
 *
 * Only in builds with ROLLCALL_CRASH_POINTS: there the environment's ROLLCALL_CRASH_AT=n kills the process at the n-th
 * point that it reaches, as kill -9 would.  Elsewhere a point is nothing.
 */
#ifndef ROLLCALL_CORE_CRASH_H
#define ROLLCALL_CORE_CRASH_H

#ifdef ROLLCALL_CRASH_POINTS
void crash_point(void);
#else
#define crash_point() ((void)0)
#endif

#endif

/* process.h - what a program sees to before it does anything else. */
#ifndef ROLLCALL_CORE_PROCESS_H
#define ROLLCALL_CORE_PROCESS_H

/* Call it first in main(). A standard stream that the caller closed is made one that cannot be used: otherwise the next
 * file opened, a ledger perhaps, would take its number, and messages would be written into it. A reader of our output
 * that goes away, and a limit on the size of files, become errors of the write instead of our end. libcurl is not told
 * to write down the keys of TLS connections, which open all that went over them. */
void process_guard(void);

#endif

#ifndef LONGEST_H
#define LONGEST_H

#define LOOKUPS 64
#define ADDRESSES (1 << 20) /* a power of two */

/* Nowhere: the loop alone, whose time is subtracted. */
enum look { LOOK_NOWHERE, LOOK_IN_TRIE, LOOK_IN_BLOCKS };

#endif

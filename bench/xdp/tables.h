/* The tables of the answer in the kernel, as the program and its loader both see them.
 *
 *   names     QNAME in lower case, zero-padded  ->  the service's first cell
 *   clients   prefix (longest match)            ->  preference list, SCOPE PREFIX-LENGTH
 *   steering  one slot that holds an array      ->  cell: the RR to send now
 *
 * The cell of a query is names[QNAME].first + clients[address].list. A publish fills a new
 * array and puts it into the slot of `steering` with one update.
 */
#ifndef TABLES_H
#define TABLES_H

#include <linux/types.h>

#define NAME_ROOM 64     /* octets of the longest QNAME answered here, root label included */
#define CELLS 262144     /* services x preference lists; arrays in one slot have one size */
#define RR_ROOM 16       /* pointer to the QNAME, A, IN, TTL, RDLENGTH 4, address */
#define UP_THE_STACK 0xffff /* a list that the engine must decide: the prefix straddles */

struct client_key {
	__u32 length; /* of the prefix, in bits */
	__u8 address[4];
};

/* Where `clients` is an array of every /24 (-DBLOCKS), each element holds this many of them, as
 * an array's elements have at least eight octets; a scope of 0 is a place without a client. */
#define BLOCKS_EACH 2

struct client {
	__u16 list;
	__u8 scope;
	__u8 unused;
};

struct service {
	__u32 first;
};

struct cell {
	__u8 rr[RR_ROOM];
	__u32 sum; /* of rr as 16-bit words, folded: what it adds to a checksum; 0: no answer here */
	__u32 unused;
};

enum count { ANSWERED, PASSED, COUNTS };

#endif

// Package cache answers reads from copies of earlier answers.
//
// # Idea
//
// The cheapest request is the one that never reaches the database. A read that
// was answered a moment ago is answered again from a copy; a write drops the
// copies of its item. Copies live in the instance's memory, in a Redis that all
// instances share, or in both, memory in front.
//
// What a cache saves is easy to misjudge: the database sees the misses alone,
// so from 90 to 99 % hits its load falls tenfold, and when a cache with 95 %
// hits dies the database suddenly sees twenty times its usual traffic.
//
// # When
//
// For reads that repeat and may be a little old. Not for answers that differ by
// caller (they would need the caller in the key), not for what must be exact at
// the moment of use, such as a balance that is about to be spent.
//
// # Knobs
//
// store says where copies are kept: memory, redis or both. capacity bounds the
// entries of one instance's memory, and policy says which gives way: lru, the
// least recently used, or w-tinylfu, which admits only what is asked for more
// often than what it displaces, and so survives scans. ttl is the longest time
// a copy is used, jitter the share by which each ttl is drawn shorter or longer
// so that entries made together do not expire together. negative_ttl is how
// long "no such item" is remembered, so that made-up names do not reach the
// database. early is XFetch's beta: shortly before expiry one request, chosen
// by chance, loads again while the others are still answered. redis_timeout
// bounds the wait for Redis.
//
// # Cost
//
// A hit in memory takes about 150 ns, a clock reading included, and allocates
// nothing; each entry holds about 150 bytes and its body. A hit in Redis is one
// round trip, some 100 µs on loopback. A miss with Redis costs up to three.
//
// # How it fails
//
// It hides a database that can no longer carry the traffic: the day the cache
// is empty, flushed or gone, all of it arrives. Keep limits below it, and see
// the patterns singleflight (many misses on one key) and stale (answers while
// the database is away). Jitter does nothing for one hot key.
//
// Copies are old: by up to ttl when a write goes past the service. A load that
// began before a write is not kept, in memory by a version and in Redis by a
// token that the write deletes; but a write that came late may still be applied
// after its copies were dropped, and then the old answer lives for one ttl.
// With store both, a message tells the other instances to drop their copy;
// while they cannot hear it, their memory may be old by up to ttl.
//
// Redis may die without harm to a caller: each failure is a miss, after three
// in a row Redis is left alone and asked once a second, and drops that it did
// not hear of are delivered before it is believed again. A cache that is
// switched on begins empty, in Redis too. Items share 256 versions in each part
// of memory, so rarely a write keeps another item's answer from being stored.
//
// In virtual time the store is always the instance's memory and the policy
// always lru. In shadow the cache keeps account in memory and leaves Redis
// alone.
//
// # Source
//
// Early loading: Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic
// Cache Stampede Prevention", VLDB 2015, algorithm 1. Leases: Nishtala and
// others, "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1. W-TinyLFU:
// Einziger, Friedman and Manes, ACM Transactions on Storage 13(4), 2017.
package cache

// Package sqlite is a broker in one SQLite file: nothing to install, and what it
// accepted outlives a kill and a power cut.
//
// Accepted means synced: Publish returns after the commit reached the disk
// (synchronous=FULL). Publishers who come at the same time share one commit. What
// consumers say is not synced, since losing it costs a repetition and no message;
// only at most once is, because there it would be the other way round.
//
// A consumer holds a message by a lease that it renews while it works. If its
// process ends, the lease runs out and another gets the message, with the attempt
// counted. The times of leases come from a clock that no change of the system's
// time moves while a process runs, and a lease that reaches further than it ever
// could is taken for expired. Of a key only the oldest message is ever out.
package sqlite

// Package postgres is the trials that need a PostgreSQL: updates that are lost
// or not, queues in a table, what a long transaction holds up, partitions,
// plans, and the size of a pool.
//
// Each works in a schema of its own, which it makes and removes.
package postgres

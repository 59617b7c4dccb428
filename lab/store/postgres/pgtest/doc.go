// Package pgtest starts private PostgreSQL servers for tests: a primary, its
// streaming replicas, and a network in between that can be parted. Every server
// has a folder and a port of its own, never touches the system's cluster, and
// is ended by its process id, at the latest with the test.
package pgtest

// Package postgres keeps the demo services' data in PostgreSQL, and reads them
// from its streaming replicas.
//
// The server may be a learner's own. Everything is in one schema with a comment
// that marks it as ours; it is the only thing that is ever removed, and a schema
// of that name without the mark is left alone.
//
// Every call has a limit, so that a server behind a cut cable counts as down in
// less than a second. A watcher asks on a connection of its own: after two
// misses it breaks all connections, since the dead ones would hold their places
// in the pool for 15 s, and calls are refused at once until it gets an answer
// again.
package postgres

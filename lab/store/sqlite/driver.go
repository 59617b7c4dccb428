package sqlite

import "context"

// Source returns the name under which the driver "sqlite" of database/sql opens
// the file at path, with these pragmas on each connection and a wait for other
// processes' locks. It is for rooms that keep tables of their own.
func Source(path string, pragmas ...string) string { return source(path, pragmas...) }

// Explain puts a sentinel of package store around an error of the driver that
// has one, and ctx's error around that of a query which it ended.
func Explain(ctx context.Context, err error) error { return explain(ctx, err) }

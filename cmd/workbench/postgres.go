package main

import (
	"flag"
	"strings"
)

// database says which PostgreSQL to use. What is wrong with it is no reason not
// to start: the lab says so and runs on SQLite.
type database struct {
	url      string   // empty: SQLite
	replicas []string // URLs of its hot standbys
}

// postgres adds the flags of the database to fs; they go before the
// environment.
func (p *program) postgres(fs *flag.FlagSet, d *database) {
	d.url = p.env("WORKBENCH_POSTGRES")
	d.replicas = commas(p.env("WORKBENCH_POSTGRES_REPLICA"))
	fs.StringVar(&d.url, "postgres", d.url, "keep the service's data in the PostgreSQL at `URL`, in a schema of its own (default: SQLite); or WORKBENCH_POSTGRES")
	given := false
	fs.Func("postgres-replica", "read from the hot standby at `URL`; may be repeated, or a list with commas between; or WORKBENCH_POSTGRES_REPLICA", func(value string) error {
		if !given {
			d.replicas, given = nil, true
		}
		d.replicas = append(d.replicas, commas(value)...)
		return nil
	})
}

// commas splits a list and leaves out what is empty.
func commas(list string) []string {
	var out []string
	for _, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// with returns the program with the database in its environment, for engines
// that are opened by name.
func (p *program) with(d database) *program {
	out := *p
	out.env = func(name string) string {
		switch name {
		case "WORKBENCH_POSTGRES":
			return d.url
		case "WORKBENCH_POSTGRES_REPLICA":
			return strings.Join(d.replicas, ",")
		}
		return p.env(name)
	}
	return &out
}

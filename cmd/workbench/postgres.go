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

// places are the servers that a run may stand on.
type places struct {
	database
	redis, rabbitmq, kafka string // empty: our own, none, the protocol's server in this process
}

// places adds the flags of servers to fs; they go before the environment.
func (p *program) places(fs *flag.FlagSet, at *places) {
	p.postgres(fs, &at.database)
	settings := append(brokerSettings(&at.rabbitmq, &at.kafka), setting{"redis", "WORKBENCH_REDIS", "use the Redis at `URL` (default: our own)", &at.redis})
	for _, s := range settings {
		fs.StringVar(s.value, s.flag, p.env(s.variable), s.help+"; or "+s.variable)
	}
}

// with returns the program with the servers in its environment, for engines that
// are opened by name.
func (p *program) with(at places) *program {
	vars := map[string]string{
		"WORKBENCH_POSTGRES": at.url, "WORKBENCH_POSTGRES_REPLICA": strings.Join(at.replicas, ","),
		"WORKBENCH_REDIS": at.redis, "WORKBENCH_RABBITMQ": at.rabbitmq, "WORKBENCH_KAFKA": at.kafka,
	}
	out := *p
	out.env = func(name string) string {
		if v, ok := vars[name]; ok {
			return v
		}
		return p.env(name)
	}
	return &out
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"

	"workbench/exercises/sandbox"
)

// finding is what one look at the machine found.
type finding struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Means string `json:"means,omitempty"` // what works without it, and how to get it
}

// The least that live runs are comfortable with.
const (
	wantFiles = 8192 // open files: each connection takes two, one on each side
	wantCores = 2
)

// tool is a program that some part of the workbench uses.
type tool struct {
	names []string // under which it may be found
	means string
}

func tools() []tool {
	return []tool{
		{[]string{"go"}, "the program runs without it; building it and grading exercises need Go 1.26 or newer"},
		{[]string{"gcc", "clang", "cc"}, "exercises are graded without the race detector, and their score says so; install the package gcc"},
		{[]string{"redis-server"}, "an embedded Redis takes its place: the same answers, but not its speed; install the package redis-server"},
		{[]string{"postgres", "pg_ctl", "psql"}, "SQLite serves, with files that follow it as replicas; the tests against a PostgreSQL are skipped; install the package postgresql, or name a server with --postgres"},
		{[]string{"rabbitmq-server"}, "the tests against a RabbitMQ are skipped; install the package rabbitmq-server, or name a server with --rabbitmq"},
		{[]string{"chromium", "chromium-browser", "google-chrome"}, "the tests in a real browser are skipped; install the package chromium"},
		{[]string{"promtool"}, "the check of /metrics is skipped; install the package prometheus"},
		{[]string{"wrk"}, "benchmarks leave it out of the comparison; install the package wrk"},
	}
}

// doctor is the subcommand that looks for what is missing on this machine.
func doctor(ctx context.Context, p *program, args []string) error {
	fs := flag.NewFlagSet("doctor", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print a JSON array")
	rest, err := p.flags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("got %q, want no arguments", rest)
	}
	findings := p.examine(ctx)
	if *asJSON {
		return writeJSON(p.out, findings)
	}
	var rows [][]string
	for _, f := range findings {
		mark := "✓"
		if !f.OK {
			mark = "✗"
		}
		rows = append(rows, []string{mark, f.Name, f.Found})
		if !f.OK {
			rows = append(rows, []string{"", "", f.Means})
		}
	}
	return columns(p.out, rows)
}

func (p *program) examine(ctx context.Context) []finding {
	var out []finding
	for _, t := range tools() {
		out = append(out, look(t, exec.LookPath))
	}
	cores := runtime.NumCPU()
	out = append(out, finding{
		"cores", cores >= wantCores, fmt.Sprint(cores),
		"the generator and the service share one core, so live figures carry each other's weight: use small scales, or --engine virtual",
	})
	return append(out, filesFinding(openFiles()), portFinding("127.0.0.1:8080"), sandboxFinding(sandbox.New(ctx, sandboxInit).Report()))
}

// sandboxFinding says how well answers to exercises are confined.
func sandboxFinding(r sandbox.Report) finding {
	f := finding{Name: "sandbox", OK: r.Level == sandbox.Full, Found: string(r.Level)}
	if r.Landlock > 0 {
		f.Found += fmt.Sprintf(" (Landlock %d)", r.Landlock)
	}
	if f.OK {
		return f
	}
	var lacks []string
	for _, l := range r.Missing {
		lacks = append(lacks, l.String())
	}
	f.Means = "answers to exercises are confined less than they could be: grade only your own; " + strings.Join(lacks, "; ")
	return f
}

func look(t tool, find func(string) (string, error)) finding {
	for _, name := range t.names {
		if path, err := find(name); err == nil {
			return finding{Name: t.names[0], OK: true, Found: path}
		}
	}
	return finding{Name: t.names[0], Found: "not on PATH: " + strings.Join(t.names, ", "), Means: t.means}
}

func filesFinding(limit uint64, err error) finding {
	f := finding{Name: "open files", Means: fmt.Sprintf("busy live runs may run out of connections; raise the limit to %d (ulimit -n)", wantFiles)}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return finding{Name: "open files", OK: true, Found: "no limit known on this system"}
	case err != nil:
		f.Found = err.Error()
	default:
		f.OK, f.Found = limit >= wantFiles, fmt.Sprintf("at most %d", limit)
	}
	return f
}

func portFinding(addr string) finding {
	ln, err := net.Listen("tcp", addr)
	if err == nil {
		err = ln.Close()
	}
	if err != nil {
		return finding{"port", false, err.Error(), "another program listens there, perhaps another workbench; serve elsewhere with --addr 127.0.0.1:0"}
	}
	return finding{Name: "port", OK: true, Found: addr + " is free"}
}

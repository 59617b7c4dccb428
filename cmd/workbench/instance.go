package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"workbench/lab/join"
)

// instanceConfig is how an instance in a process of its own starts.
type instanceConfig struct {
	join, name, listen, token, level string
}

// serviceInstance is the subcommand that runs one instance of a lab's service as
// a process of its own.
func serviceInstance(ctx context.Context, p *program, args []string) error {
	c, err := p.readInstance(args)
	if err != nil {
		return err
	}
	level, err := config{level: c.level}.logLevel()
	if err != nil {
		return err // checked by readInstance
	}
	there, err := join.Dial(ctx, c.join, c.token)
	if err != nil {
		return c.explain(err)
	}
	var mu sync.Mutex
	err = join.Run(ctx, join.Config{
		Lab: there, Name: c.name, Listen: c.listen, PID: os.Getpid(), Version: release(),
		Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level})),
		Say: func(line string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(p.out, "Instance of %s: %s\n", c.join, line)
		},
	})
	if err != nil {
		return c.explain(err)
	}
	return nil
}

// readInstance reads the flags, over them nothing; the environment stands below.
func (p *program) readInstance(args []string) (instanceConfig, error) {
	c := instanceConfig{listen: "127.0.0.1:0", token: p.env("WORKBENCH_TOKEN"), level: "warn"}
	fs := flag.NewFlagSet("instance", flag.ContinueOnError)
	fs.StringVar(&c.join, "join", p.env("WORKBENCH_JOIN"), "join the lab of the workbench that serves at `URL`; or WORKBENCH_JOIN")
	fs.StringVar(&c.name, "name", "", "be called `NAME` there (default: p1, p2 and so on)")
	fs.StringVar(&c.listen, "listen", c.listen, "serve the balancer at `HOST:PORT`; another machine's lab must reach it, and be served to others itself")
	fs.StringVar(&c.token, "token", c.token, "the lab's access `TOKEN`; better as WORKBENCH_TOKEN, since others can read a process's arguments")
	fs.StringVar(&c.level, "log", c.level, "log from `LEVEL` on: debug, info, warn or error")
	rest, err := p.flags(fs, args)
	if err != nil {
		return c, err
	}
	if len(rest) > 0 {
		err = fmt.Errorf("got %q, want flags alone", rest)
	}
	if err = errors.Join(err, c.validate()); err != nil {
		return c, usagef("%w", err)
	}
	return c, nil
}

func (c instanceConfig) validate() error {
	var faults []error
	if c.join == "" {
		faults = append(faults, errors.New("flag --join: got nothing, want the address of a workbench that serves, such as http://127.0.0.1:8080"))
	}
	host, port, err := net.SplitHostPort(c.listen)
	if ip := net.ParseIP(host); err != nil || port == "" || ip == nil || ip.IsUnspecified() {
		faults = append(faults, fmt.Errorf("flag --listen: got %q, want the IP address of this machine that the lab reaches, with a port, such as 127.0.0.1:0 (port 0: any free one)", c.listen))
	}
	if _, err := (config{level: c.level}).logLevel(); err != nil {
		faults = append(faults, fmt.Errorf("flag --log: got %q, want debug, info, warn or error", c.level))
	}
	return errors.Join(faults...)
}

// explain names the flag that an error is about, and what to do.
func (c instanceConfig) explain(err error) error {
	var refused *join.Refusal
	switch {
	case errors.Is(err, join.ErrAddress):
		return usagef("flag --join: got %q, %w", c.join, err)
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		got := "no token"
		if c.token != "" {
			got = "a token that it does not know"
		}
		return fmt.Errorf("flag --token: got %s; the lab at %s wants the one it was started with: set WORKBENCH_TOKEN to that", got, c.join)
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound && !errors.Is(err, join.ErrUnknown):
		return fmt.Errorf("flag --join: the workbench at %s takes in no instances: start the same build as this one there", c.join)
	case errors.As(err, &refused):
		for field, name := range map[string]string{"name": "--name", "host": "--listen"} {
			if slices.Contains(refused.Fields, field) {
				return fmt.Errorf("flag %s: %w", name, err)
			}
		}
		return fmt.Errorf("flag --join: the lab at %s: %w", c.join, err)
	case errors.Is(err, join.ErrUnknown), errors.Is(err, join.ErrKilled), errors.Is(err, join.ErrSilent):
		return err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "listen" {
		return fmt.Errorf("flag --listen: %w; choose another port, or 0 for any free one", err)
	}
	if errors.As(err, &op) || strings.Contains(err.Error(), "context deadline exceeded") {
		return fmt.Errorf("flag --join: nothing answers at %s (%w): start a workbench there with `bin/workbench serve`, or correct the address", c.join, err)
	}
	return err
}

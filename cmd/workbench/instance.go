package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	join, name, listen, token, ca, level string

	roots *x509.CertPool // of ca; nil: whom this machine trusts
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
	there, err := join.Dial(ctx, join.Door{URL: c.join, Token: c.token, Roots: c.roots})
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
	c := instanceConfig{listen: "127.0.0.1:0", token: p.env("WORKBENCH_TOKEN"), ca: p.env("WORKBENCH_CA"), level: "warn"}
	fs := flag.NewFlagSet("instance", flag.ContinueOnError)
	fs.StringVar(&c.join, "join", p.env("WORKBENCH_JOIN"), "join the lab of the workbench that serves at `URL`; or WORKBENCH_JOIN")
	fs.StringVar(&c.name, "name", "", "be called `NAME` there (default: p1, p2 and so on)")
	fs.StringVar(&c.listen, "listen", c.listen, "serve the balancer at `HOST:PORT`; another machine's lab must reach it, and be served to others itself; beyond loopback with TLS")
	fs.StringVar(&c.token, "token", c.token, "the lab's access `TOKEN`; better as WORKBENCH_TOKEN, since others can read a process's arguments")
	fs.StringVar(&c.ca, "ca", c.ca, "take the lab's certificate only if one in `FILE` (PEM) vouches for it, or is it; or WORKBENCH_CA")
	fs.StringVar(&c.level, "log", c.level, "log from `LEVEL` on: debug, info, warn or error")
	rest, err := p.flags(fs, args)
	if err != nil {
		return c, err
	}
	if len(rest) > 0 {
		err = fmt.Errorf("got %q, want flags alone", rest)
	}
	if err = errors.Join(err, c.validate(), c.readCA()); err != nil {
		return c, usagef("%w", err)
	}
	return c, nil
}

// readCA reads who may vouch for the lab's certificate.
func (c *instanceConfig) readCA() error {
	if c.ca == "" {
		return nil
	}
	text, err := os.ReadFile(c.ca)
	if err != nil {
		return fmt.Errorf("flag --ca: %w; want the file that the lab's --tls-cert names, or that of its CA", err)
	}
	c.roots = x509.NewCertPool()
	if !c.roots.AppendCertsFromPEM(text) {
		return fmt.Errorf("flag --ca: got %q, which holds no certificate; want a PEM file: the one that the lab's --tls-cert names, or that of its CA", c.ca)
	}
	return nil
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
	if of := c.explainTLS(err); of != nil {
		return of
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

// explainTLS says what is wrong with how the lab and this process encrypt; nil:
// it is something else.
func (c instanceConfig) explainTLS(err error) error {
	var nobody x509.UnknownAuthorityError
	var name x509.HostnameError
	var other *tls.CertificateVerificationError
	switch {
	case errors.Is(err, join.ErrClear):
		return usagef("flag --join: got %q: %w; start the lab with --tls-cert and --tls-key and join https://…, or join through a tunnel that ends on 127.0.0.1", c.join, err)
	case errors.Is(err, join.ErrEncrypted):
		return fmt.Errorf("flag --join: the lab at %s serves TLS: say https:// in the address; with a certificate of your own give its file with --ca", c.join)
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("flag --join: the workbench at %s does not serve TLS: say http:// in the address on this machine, or start it with --tls-cert and --tls-key", c.join)
	case errors.As(err, &nobody) && c.ca == "":
		return fmt.Errorf("flag --ca: nobody whom this machine trusts vouches for the certificate of %s (%w): give the file that the lab's --tls-cert names, or that of its CA, with --ca FILE", c.join, nobody)
	case errors.As(err, &nobody):
		return fmt.Errorf("flag --ca: got %q, which does not vouch for the certificate of %s (%w): give the file that the lab's --tls-cert names, or that of its CA", c.ca, c.join, nobody)
	case errors.As(err, &name):
		return fmt.Errorf("flag --join: got %s, for which the lab's certificate is not made (%w): join by a name or address that it has", c.join, name)
	case errors.As(err, &other):
		return fmt.Errorf("flag --join: the certificate of %s is not taken: %w", c.join, other)
	}
	return nil
}

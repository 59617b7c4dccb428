// Command demo serves the pages with the stand-in behind them, to look at.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"time"

	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:0", "where to listen; loopback only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	lab, c := webtest.New(), clock.NewWall()
	var choices []web.Choice
	for _, name := range webtest.Scenarios() {
		choices = append(choices, web.Choice{Name: name, Title: name})
	}
	s, err := web.New(web.Config{
		Lab: lab, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Clock: c, Hosts: []string{ln.Addr().String()}, Loopback: true,
		Version: "demo", Scenarios: choices,
		Doc: func(name string) (string, bool) {
			return "Package " + name + " is documented in the real lab.\n\n# Idea\n\nOne.", true
		},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "http://%s/\n", ln.Addr())
	go lab.Drive(ctx, c)
	go func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := s.Shutdown(stop); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return s.Serve(ln)
}

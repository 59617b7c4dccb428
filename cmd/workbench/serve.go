package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"workbench/exercises/plug"
	"workbench/exercises/progress"
	"workbench/lab/journal"
	"workbench/lab/live"
	"workbench/lab/lock"
	"workbench/lab/scenario"
	"workbench/lab/trace"
	"workbench/lab/trace/otlp"
	"workbench/sim/clock"
	"workbench/sim/preset"
	"workbench/web"
)

// closing is how long the end of the server may take: streams end first, then
// requests in flight finish.
const closing = 5 * time.Second

// serve is the subcommand that serves the workbench to a browser.
func serve(ctx context.Context, p *program, args []string) error {
	c, err := p.readConfig(args)
	if err != nil {
		return err
	}
	return p.parts.serve(ctx, p, c)
}

// serveLab opens the listener, then the lab, and serves until ctx ends. The
// listener is first so that a port in use is known before anything is made.
func serveLab(ctx context.Context, p *program, c config) (err error) {
	level, err := c.logLevel()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	ln, err := listen(ctx, c.addr)
	if err != nil {
		return err
	}
	s, err := openSite(ctx, p, c, log, ln)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		err = errors.Join(err, s.close(late))
	}()
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(ln) }()
	s.greet(p.out, c, ln.Addr())
	first := c.scenario
	if s.school != nil {
		if first, err = s.school.scenario(ctx, first); err != nil {
			log.Error("round not read", "error", err)
		}
	}
	if _, err := s.lab.Load(ctx, live.ScenarioChange{Name: first}); err != nil && ctx.Err() == nil {
		log.Error("scenario not started", "scenario", first, "error", err)
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		log.Info("stopping")
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
		defer cancel()
		home := s.lab.SendHome(late) // those who have joined still reach the lab
		return errors.Join(home, s.server.Shutdown(late), <-served)
	}
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: another program listens there, perhaps another workbench; end it, or choose another port with --addr 127.0.0.1:0", err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return ln, nil
}

// site is the server with what stands behind it.
type site struct {
	server   *web.Server
	lab      *live.Lab
	progress *progress.Progress
	desk     *web.Exercises
	plugs    *plug.Desk // nil: nothing is plugged in here
	trials   *web.Trials
	school   *school        // nil: there is no class
	otlp     *otlp.Exporter // nil: traces stay here
	scratch  string         // the demo service's database: of this process alone
	held     *lock.Held     // the data directory
}

// openSite opens the learner's file, the lab and the server. What it has opened
// is closed again when it returns an error.
func openSite(ctx context.Context, p *program, c config, log *slog.Logger, ln net.Listener) (_ *site, err error) {
	s := &site{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w; choose another with --data", err)
	}
	if s.held, err = alone(c.data); err != nil {
		return nil, err
	}
	if s.progress, err = progress.Open(ctx, filepath.Join(c.data, "progress.db")); err != nil {
		return nil, err
	}
	s.progress.LogTo(log)
	if s.scratch, err = os.MkdirTemp("", "workbench-"); err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	if s.trials, err = openTrials(p, c, s.scratch, s.progress, log); err != nil {
		return nil, err
	}
	rooms := s.openRooms(ctx, p, c, log) // beside the lab: each takes a part of a second
	var export func(trace.Trace)
	if c.otlp != "" {
		if s.otlp, err = otlp.New(otlp.Config{URL: c.otlp, Version: release(), Log: log}); err != nil {
			return nil, err
		}
		export = s.otlp.Export
	}
	s.lab, err = live.New(ctx, live.Config{Export: export, Dir: s.scratch, RedisURL: c.redis, Postgres: c.postgres.url, Replicas: c.postgres.replicas, Open: c.shared(), RabbitMQ: c.rabbitmq, Kafka: c.kafka, Log: log, Generator: child(log), Keeper: s.progress, Version: release(),
		Incidents: s.progress, Trace: trace.Defaults(), Lines: journal.Defaults()})
	opened, faults := rooms()
	if err := errors.Join(err, faults); err != nil {
		return nil, err
	}
	if d := opened.judge.plugInto(s.lab, filepath.Join(s.scratch, "plugs"), c.plugDeadline, s.progress, log); d != nil {
		s.desk.Plug, s.plugs = d, d
		if err := d.Resume(ctx, s.desk.Shelf); err != nil {
			return nil, err
		}
	}
	offered, err := choices()
	if err != nil {
		return nil, err
	}
	var class *web.Classroom
	if c.classroom {
		if s.school, err = openSchool(ctx, p, c, opened.judge, opened.questions, log); err != nil {
			return nil, err
		}
		class = s.school.classroom(c, ln.Addr())
	}
	encryption, err := c.encryption()
	if err != nil {
		return nil, err
	}
	s.server, err = web.New(web.Config{
		Guide: &web.Guide{Book: opened.book, Patterns: p.parts.patterns}, Exercises: s.desk, Trials: s.trials,
		Rehearse: &web.Rehearse{Catalog: opened.questions, Keeper: s.progress},
		Tracks:   &web.Tracks{All: opened.tracks, Patterns: p.parts.patterns},
		Progress: &web.Progress{Patterns: p.parts.patterns, Keeper: s.progress},
		Rooms:    []web.Room{web.DatabaseRoom(s.lab)},
		Observe:  s.lab, Incidents: s.progress,
		Lab: s.lab, Join: s.lab, Log: log, Clock: clock.NewWall(), Hosts: c.names(ln.Addr()), Loopback: !c.shared(), Token: c.secret(),
		Dir: c.data, Version: release(), Scenarios: offered, Doc: p.parts.doc, Patterns: p.parts.patterns, Metrics: s.lab.Registerer(),
		Classroom: class, TLS: encryption, BehindProxy: c.behindProxy,
	})
	return s, err
}

// choices lists the scenarios and the named loads for the page's picker.
func choices() ([]web.Choice, error) {
	specs, err := scenario.Embedded()
	if err != nil {
		return nil, err
	}
	var out []web.Choice
	for _, s := range specs {
		out = append(out, web.Choice{Name: s.Name, Title: s.Title, Lesson: s.Lesson})
	}
	for _, p := range preset.Presets() {
		out = append(out, web.Choice{Name: scenario.FromPreset(p).Name, Title: p.Title, Lesson: p.Source, Preset: true})
	}
	return out, nil
}

// greet prints where the workbench is, and opens it if asked.
func (s *site) greet(w io.Writer, c config, addr net.Addr) {
	url := c.base(addr) + "/" + s.server.Login()
	if s.school != nil {
		url = c.base(addr) + "/classroom" + s.server.Login()
	}
	fmt.Fprintf(w, "Traffic Workbench: %s\n", url)
	if s.school != nil {
		fmt.Fprintln(w, "This address is the teacher's and opens once. The page shows the link for learners.")
	}
	if !c.open {
		return
	}
	if err := browse(url); err != nil {
		fmt.Fprintf(w, "The browser did not open (%v); open the address above.\n", err)
	}
}

// browse opens a URL with the system's own opener.
func browse(url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // the opener's own exit code says nothing about the page
	return nil
}

// close closes the lab, the learner's file and the scratch directory, as far as
// they were opened.
func (s *site) close(ctx context.Context) error {
	var faults []error
	if s.trials != nil {
		faults = append(faults, s.trials.Runner.Close())
	}
	if s.plugs != nil {
		faults = append(faults, s.plugs.Close())
	}
	if s.lab != nil {
		faults = append(faults, s.lab.Close(ctx))
	}
	if s.school != nil {
		faults = append(faults, s.school.close())
	}
	if s.otlp != nil {
		faults = append(faults, s.otlp.Close(ctx))
	}
	if s.desk != nil {
		faults = append(faults, s.desk.Queue.Close())
	}
	if s.progress != nil {
		faults = append(faults, s.progress.Close())
	}
	if s.scratch != "" {
		faults = append(faults, os.RemoveAll(s.scratch))
	}
	faults = append(faults, s.held.Release()) // last: until here its files are ours
	return errors.Join(faults...)
}

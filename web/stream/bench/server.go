package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"workbench/sim/clock"
	"workbench/web"
	"workbench/web/webtest"
)

// serve is the server that is measured. It prints its address and serves until
// in ends.
func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	lab, c := webtest.New(), clock.NewWall()
	s, err := web.New(web.Config{
		Lab: lab, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Clock: c, Hosts: []string{ln.Addr().String()}, Loopback: true, Version: "bench",
	})
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	driven, served := make(chan struct{}), make(chan error, 1)
	go func() { lab.Drive(ctx, c); close(driven) }()
	go func() { served <- s.Serve(ln) }()
	fmt.Fprintln(out, ln.Addr())
	_, err = io.Copy(io.Discard, in)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err = errors.Join(err, s.Shutdown(late), <-served)
	stop()
	<-driven
	return err
}

// trial starts the server, has pages read from it for a while, ends it, and
// returns the processor time that it took from start to end.
func trial(ctx context.Context, c *clock.Wall, pages int, length time.Duration) (time.Duration, received, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, received{}, fmt.Errorf("find this program to start the server: %w", err)
	}
	cmd := exec.CommandContext(ctx, exe, "--server")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, received{}, fmt.Errorf("start the server: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, received{}, fmt.Errorf("start the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 0, received{}, fmt.Errorf("start the server: %w", err)
	}
	var got received
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		got, err = read(ctx, c, "http://"+strings.TrimSpace(line), pages, length)
	}
	if err = errors.Join(err, in.Close(), cmd.Wait()); err != nil {
		return 0, received{}, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), got, nil
}

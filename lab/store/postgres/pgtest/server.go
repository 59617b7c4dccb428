package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"workbench/lab/process"
	"workbench/sim/clock"
)

// User, Password and Database are those of every server here.
const (
	User     = "workbench"
	Password = "learning"
	Database = "postgres"
)

// startLimit is how long a server may take until it answers.
const startLimit = 60 * time.Second

// Server is one PostgreSQL that a test has started. It ends with the test.
type Server struct {
	Port    int
	t       testing.TB
	bin     string
	account *account
	data    string
	process *process.Process
}

// Start starts a primary. It takes about two seconds. settings are further
// ones, as "name=value".
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{Port: freePort(t), t: t, bin: need(t), account: find(t)}
	dir := s.account.folder(t)
	s.data = filepath.Join(dir, "data")
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.do("initdb", "-D", s.data, "-U", User, "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
	s.configure(append([]string{"wal_level=replica", "max_wal_senders=8", "hot_standby=on"}, settings...))
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Replicate starts a streaming replica of the server, as a hot standby.
func (s *Server) Replicate(settings ...string) *Server {
	s.t.Helper()
	r := &Server{Port: freePort(s.t), t: s.t, bin: s.bin, account: s.account}
	r.data = filepath.Join(r.account.folder(s.t), "data")
	r.do("pg_basebackup", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", User, "-D", r.data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
	r.configure(settings)
	s.t.Cleanup(r.Kill)
	r.Start()
	return r
}

// URL is the server's address with user and password.
func (s *Server) URL() string { return s.Through(s.Address()) }

// Address is host and port.
func (s *Server) Address() string { return "127.0.0.1:" + strconv.Itoa(s.Port) }

// Through is the server's URL by way of another address, such as a Network's.
func (s *Server) Through(address string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", User, Password, address, Database)
}

// configure appends settings to the server's file. Every server is marked as
// the workbench's own, so that its replay may be paused.
func (s *Server) configure(settings []string) {
	s.t.Helper()
	all := append([]string{
		"port=" + strconv.Itoa(s.Port), "listen_addresses='127.0.0.1'", "unix_socket_directories=''",
		"shared_buffers=64MB", "max_connections=100", "cluster_name='workbench'", "log_min_messages=error",
	}, settings...)
	f, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = f.WriteString("\n" + strings.Join(all, "\n") + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		s.t.Fatal(err)
	}
}

// do runs one of PostgreSQL's programs to its end.
func (s *Server) do(program string, args ...string) {
	s.t.Helper()
	out, err := s.account.command(filepath.Join(s.bin, program), args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v: %s", program, err, out)
	}
}

// SQL runs a statement as the superuser and returns what psql prints of its
// rows.
func (s *Server) SQL(query string) string {
	s.t.Helper()
	c := s.account.command(filepath.Join(s.bin, "psql"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-U", User, "-d", Database, "-v", "ON_ERROR_STOP=1", "-qAtc", query)
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("psql -c %q: %v: %s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Start starts the server again after Kill, on the same port and with the same
// data. After a kill its children may need a moment to notice, and until then
// it refuses to start: it is tried again.
func (s *Server) Start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	wall := clock.NewWall()
	for {
		p, err := process.Begin(s.account.command(filepath.Join(s.bin, "postgres"), "-D", s.data))
		if err != nil {
			s.t.Fatal(err)
		}
		for ended := false; !ended; {
			if s.ready(ctx) == nil {
				s.process = p
				return
			}
			select {
			case <-p.Done():
				ended = true
			default:
			}
			if wall.Wait(ctx, wall.Now()+10*time.Millisecond) != nil {
				s.process = p
				s.t.Fatalf("postgres does not answer after %v; it said: %s", startLimit, p.Said())
			}
		}
		if !strings.Contains(p.Said(), "still in use") && !strings.Contains(p.Said(), "lock file") {
			s.t.Fatalf("postgres ended: %v; it said: %s", p.Err(), p.Said())
		}
	}
}

// ready asks whether the server takes connections.
func (s *Server) ready(ctx context.Context) error {
	return exec.CommandContext(ctx, filepath.Join(s.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-d", Database, "-U", User).Run()
}

// Kill ends the server at once (kill -9), and waits until it is gone.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server in order: what is under way is broken off, and the data
// is written down.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

func (s *Server) end(how os.Signal) {
	s.t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.End(how); err != nil {
		s.t.Error(err)
	}
	s.process = nil
}

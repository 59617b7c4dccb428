package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/classroom"
	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/sim/clock"
	"workbench/web"
)

// What one learner of a class may take of the machine.
const (
	learnerWaiting = 3        // answers that wait to be graded
	learnerBytes   = 64 << 20 // on the disk, with what the database needs beside it
)

// shared reports whether others than this machine's own user can reach the
// server.
func (c config) shared() bool {
	host, _, err := net.SplitHostPort(c.addr)
	return err != nil || !loopback(host) || c.behindProxy
}

// validateShared reports what is wrong with how others reach the server.
func (c config) validateShared() []error {
	var faults []error
	if (c.tlsCert == "") != (c.tlsKey == "") {
		faults = append(faults, errors.New("flags --tls-cert and --tls-key: got one of them, want both: the certificate's file and its key's"))
	}
	if c.behindProxy && c.tlsCert != "" {
		faults = append(faults, errors.New("flag --behind-proxy: got it with --tls-cert, want one of them: either the proxy encrypts or this server does"))
	}
	if c.behindProxy && len(c.hosts) == 0 {
		faults = append(faults, errors.New("flag --hosts: got nothing with --behind-proxy, want the name by which browsers call the proxy"))
	}
	if c.classroom && c.shared() && !c.behindProxy && c.tlsCert == "" {
		faults = append(faults, fmt.Errorf("flag --classroom: learners would reach %s without encryption, and anybody on the network could read their sessions and yours: "+
			"give --tls-cert FILE and --tls-key FILE, or put a proxy that encrypts in front and say --behind-proxy, or try it on this machine alone with --addr 127.0.0.1:8080", c.addr))
	}
	if c.token != "" && c.classroom && len(c.token) < minToken {
		faults = append(faults, fmt.Errorf("WORKBENCH_TOKEN: got %d characters, want at least %d, or none: the teacher's address is printed at each start", len(c.token), minToken))
	}
	return faults
}

// secret returns the access token, and makes one for a class that has none: the
// teacher comes in by the printed address.
func (c config) secret() string {
	if c.token != "" || !c.classroom {
		return c.token
	}
	b := make([]byte, minToken)
	_, _ = rand.Read(b) // documented to fill b and never to fail
	return hex.EncodeToString(b)
}

// encryption returns how connections are encrypted; nil: not by us.
func (c config) encryption() (*tls.Config, error) {
	if c.tlsCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("flags --tls-cert and --tls-key: %w; want a certificate and its key as PEM files", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

// base returns the address by which browsers call the server.
func (c config) base(addr net.Addr) string {
	switch {
	case c.behindProxy:
		return "https://" + c.hosts[0]
	case c.tlsCert != "":
		return "https://" + c.names(addr)[0]
	}
	return "http://" + c.names(addr)[0]
}

// school is the class with its learners' own files.
type school struct {
	class     *classroom.Class
	dir       string
	shelf     *shelf.Shelf
	judge     judge
	questions *interview.Catalog
	patterns  []lab.Pattern
	log       *slog.Logger

	mu    sync.Mutex
	seats []web.Seat           // guarded by mu
	files []*progress.Progress // guarded by mu
}

// openSchool opens the class. A server that others can reach runs their code, so
// without the whole sandbox it is refused.
func openSchool(ctx context.Context, p *program, c config, j judge, questions *interview.Catalog, log *slog.Logger) (*school, error) {
	if c.shared() {
		if err := j.report.Require(sandbox.Full); err != nil {
			return nil, fmt.Errorf("flag --classroom: learners' answers would run here: %w; `%s doctor` says what to install, and with --addr 127.0.0.1:8080 a class can be tried on this machine alone", err, p.name)
		}
	}
	s := &school{dir: filepath.Join(c.data, "class"), shelf: p.shelf(""), questions: questions, patterns: p.parts.patterns, log: log, judge: j}
	s.judge.grade = classroom.Share(j.grade, max(1, runtime.NumCPU()/2))
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the class's directory: %w; choose another with --data", err)
	}
	wall := clock.NewWall()
	var err error
	if s.class, err = classroom.Open(ctx, filepath.Join(s.dir, "class.db"), func() time.Time { return wall.Date(wall.Now()) }); err != nil {
		return nil, err
	}
	if err := s.class.Recover(ctx); err != nil {
		return nil, errors.Join(err, s.class.Close())
	}
	return s, nil
}

func (s *school) folder(learner uint64) string {
	return filepath.Join(s.dir, strconv.FormatUint(learner, 10))
}

// seat opens what belongs to one learner: a directory with their file, and a
// queue for their answers.
func (s *school) seat(ctx context.Context, learner uint64, changed func()) (_ web.Seat, err error) {
	if err := os.MkdirAll(s.folder(learner), 0o700); err != nil {
		return web.Seat{}, fmt.Errorf("make the learner's directory: %w", err)
	}
	file, err := progress.Open(ctx, filepath.Join(s.folder(learner), "progress.db"))
	if err != nil {
		return web.Seat{}, err
	}
	file.LogTo(s.log.With("learner", learner))
	store := classroom.Store{Store: attempt.Store(file), Class: s.class, Learner: learner, Changed: changed}
	desk, err := s.judge.desk(ctx, s.shelf, file, store, learnerWaiting, s.log)
	if err != nil {
		return web.Seat{}, errors.Join(err, file.Close())
	}
	seat := web.Seat{
		Exercises: desk, Rehearse: &web.Rehearse{Catalog: s.questions, Keeper: file}, Progress: &web.Progress{Patterns: s.patterns, Keeper: file},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seats, s.files = append(s.seats, seat), append(s.files, file)
	return seat, nil
}

// full says why a learner may write no more.
func (s *school) full(learner uint64) error {
	entries, err := os.ReadDir(s.folder(learner))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the learner's directory: %w", err)
	}
	var size int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // a file that went away meanwhile takes no room
			size += info.Size()
		}
	}
	if size > learnerBytes {
		return fmt.Errorf("%w (%d of %d MiB)", classroom.ErrSpace, size>>20, learnerBytes>>20)
	}
	return nil
}

// classroom returns what the server needs of the class.
func (s *school) classroom(c config, addr net.Addr) *web.Classroom {
	return &web.Classroom{Class: s.class, Seat: s.seat, Base: c.base(addr), Full: s.full}
}

// scenario returns what the lab begins with: the scenario of a round that is not
// over, or else the one that was asked for.
func (s *school) scenario(ctx context.Context, asked string) (string, error) {
	r, begun, err := s.class.Round(ctx)
	if err != nil || !begun || r.State == classroom.Shown {
		return asked, err
	}
	return r.Scenario, nil
}

// close stops what grades, then closes all files.
func (s *school) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	faults := make([]error, len(s.seats))
	var all sync.WaitGroup
	for i, seat := range s.seats {
		all.Go(func() { faults[i] = errors.Join(seat.Exercises.Queue.Close(), s.files[i].Close()) })
	}
	all.Wait()
	return errors.Join(append(faults, s.class.Close())...)
}

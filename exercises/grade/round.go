package grade

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"workbench/exercises/sandbox"
)

// record is one line of the harness's report; stage/harness.go.txt has the
// same and writes it.
type record struct {
	event                   string // ready, begin, end, run, bench, done
	test                    string
	failed, skipped, locked bool
	races                   int
	duration                time.Duration
	answer, right           float64 // nanoseconds of one call
	leaks                   []string
}

// parse reads a record as the harness writes it; false: it has not written
// this.
func parse(text string) (record, bool) {
	f := strings.Fields(text)
	if len(f) < 9 || !strings.HasPrefix(f[1], "=") {
		return record{}, false
	}
	var n [9]int64
	for i := 2; i < 9; i++ {
		var err error
		if n[i], err = strconv.ParseInt(f[i], 10, 64); err != nil {
			return record{}, false
		}
	}
	return record{
		event: f[0], test: f[1][1:], failed: n[2] != 0, skipped: n[3] != 0, locked: n[4] != 0, races: int(n[5]),
		duration: time.Duration(n[6]) * time.Microsecond, answer: float64(n[7]) / 1000, right: float64(n[8]) / 1000, leaks: f[9:],
	}, true
}

// round is what one process of the staged program reported and printed.
type round struct {
	ready, done bool
	forged      bool // something that had not the key wrote to the report
	races       int  // in all
	passes      []pass
	bench       record
	words       []byte // what the tests printed
	loud        bool   // the tests printed too much
	sandbox.Result
}

// pass is one run of all tests within a process.
type pass struct {
	begun []string
	ended map[string]record
	whole bool // it came to its end
}

// last returns the pass that is under way.
func (r *round) last() *pass {
	if n := len(r.passes); n == 0 || r.passes[n-1].whole {
		r.passes = append(r.passes, pass{ended: map[string]record{}})
	}
	return &r.passes[len(r.passes)-1]
}

// wires are the pipes between the judge and one process. The first of each pair
// is the judge's end.
type wires struct {
	report, words, key [2]*os.File
}

func lay() (w wires, err error) {
	if w.report[0], w.report[1], err = os.Pipe(); err != nil {
		return w, err
	}
	if w.words[0], w.words[1], err = os.Pipe(); err != nil {
		return w, err
	}
	w.key[1], w.key[0], err = os.Pipe()
	return w, err
}

// close closes ends: 0 the judge's, 1 the process's.
func (w wires) close(end int) {
	for _, pair := range [][2]*os.File{w.report, w.words, w.key} {
		pair[end].Close()
	}
}

// Limits of what a process may report and its tests print.
const (
	maxReport = 4 << 20
	maxWords  = 1 << 20
)

// plan is what a process is to do.
type plan struct {
	tests []string
	runs  int
	seed  uint64
}

// round runs the staged program once and listens to it. Each of its runs has
// the whole time limit. It ends the program as
// soon as that has reported that it is done: what comes after counts for
// nothing, and the race detector would wait for a second.
func (g *Grader) round(ctx context.Context, program string, what plan, limits sandbox.Limits, heard func(record)) (*round, error) {
	w, err := lay()
	if err != nil {
		return nil, fmt.Errorf("lay the pipes to the tests: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	secret := hex.EncodeToString(key)
	if _, err := fmt.Fprintf(w.key[0], "%s %d %d", secret, what.runs, what.seed); err != nil {
		return nil, fmt.Errorf("hand over the key: %w", err)
	}
	w.key[0].Close()
	p, err := g.box.Start(ctx, sandbox.Command{
		Program: program, Args: arguments(what.tests), Env: []string{"HOME=/tmp", "TMPDIR=/tmp", "TZ=UTC", "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=all"},
		Files: []*os.File{w.report[1], w.words[1], w.key[1]}, Limits: limits,
	})
	w.close(1)
	if err != nil {
		w.close(0)
		return nil, err
	}
	r := &round{}
	var listening sync.WaitGroup
	listening.Go(func() {
		r.listen(io.LimitReader(w.report[0], maxReport), secret, func(one record) {
			if one.event == "run" {
				p.Extend()
			}
			heard(one)
		})
		if r.done || r.forged {
			p.Stop()
		}
		_, _ = io.Copy(io.Discard, w.report[0]) // so that a flood ends with the process and not in a full pipe
	})
	listening.Go(func() {
		r.words, _ = io.ReadAll(io.LimitReader(w.words[0], maxWords)) // up to where it breaks off
		if len(r.words) == maxWords {
			r.loud = true
			p.Stop()
		}
		_, _ = io.Copy(io.Discard, w.words[0])
	})
	result := p.Wait()
	// Where processes can outlive their group, one may still hold the pipes.
	settled, cancel := context.WithTimeout(context.Background(), time.Second)
	stop := context.AfterFunc(settled, func() { w.close(0) })
	listening.Wait()
	if stop() {
		w.close(0)
	}
	cancel()
	r.Result = result
	return r, nil
}

// listen reads the report until its end, the record "done", or the first line
// that the harness cannot have written.
func (r *round) listen(from io.Reader, key string, heard func(record)) {
	lines := bufio.NewReader(from)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // a line that breaks off is that of a process that was ended
		}
		body, ok := strings.CutPrefix(line, key+" "+strconv.Itoa(n)+" ")
		var one record
		if ok {
			one, ok = parse(body)
		}
		if !ok {
			r.forged = true
			return
		}
		switch one.event {
		case "ready":
			r.ready = true
		case "begin":
			r.last().begun = append(r.last().begun, one.test)
		case "end":
			r.last().ended[one.test] = one
		case "run":
			r.last().whole = true
			r.races = max(r.races, one.races)
		case "bench":
			r.bench = one
		case "done":
			r.done = !one.failed
			return
		}
		heard(one)
	}
}

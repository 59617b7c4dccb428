package measure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the database of the programs

	"workbench/docs/guide"
	"workbench/docs/guide/code"
)

// waiting is what chapter 2 prints.
func waiting() []Program { return []Program{holdAndWait(), connections(), parked()} }

// open returns a database in a folder of its own, made by a script. The caller
// closes it by the function returned, which also removes the folder.
func open(ctx context.Context, script string) (*sql.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "guide-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a scratch folder: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "guide.db")+"?_pragma=synchronous(off)&_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err == nil {
		_, err = db.ExecContext(ctx, script)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open a scratch database: %w", err), os.RemoveAll(dir))
	}
	return db, func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }, nil
}

const authors = `
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER NOT NULL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20)
INSERT INTO authors SELECT i, 'author '||i FROM n;
INSERT INTO posts SELECT id, id FROM authors;`

// holdAndWait lets some workers, who have all opened their posts, go on at once
// with a pool of four connections.
func holdAndWait() Program {
	const pool, patience = 4, 300 * time.Millisecond
	return Program{
		ID: "async-io.pool",
		Figures: []guide.Figure{
			counted("three", "%", 0, "of 3 workers with a nested query that time out with 4 connections"),
			counted("four", "%", 0, "of 4 workers with a nested query that time out with 4 connections"),
			counted("joined", "%", 0, "of 4 workers with a joined query that time out with 4 connections"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			db, done, err := open(ctx, authors)
			if err != nil {
				return nil, err
			}
			defer done() // an error leaves a scratch folder behind
			db.SetMaxOpenConns(pool)
			late := func(workers int, list func(context.Context, *sql.DB, func()) ([]string, error)) float64 {
				ctx, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				var opened, all sync.WaitGroup
				var failed atomic.Int64
				opened.Add(workers)
				for range workers {
					all.Go(func() {
						if _, err := list(ctx, db, func() { opened.Done(); opened.Wait() }); err != nil {
							failed.Add(1)
						}
					})
				}
				all.Wait()
				return 100 * float64(failed.Load()) / float64(workers)
			}
			return map[string]float64{"three": late(3, code.Nested), "four": late(4, code.Nested), "joined": late(4, code.Joined)}, nil
		},
	}
}

// connections counts the connections that a service sees.
func connections() Program {
	const calls = 200
	return Program{
		ID: "async-io.connections",
		Figures: []guide.Figure{
			counted("shared", "", 0, "TCP connections for 200 calls in turn by one client that reads bodies to the end"),
			counted("undrained", "", 0, "TCP connections for 200 calls in turn by one client that closes bodies of 1 MB unread"),
			counted("fresh", "", 0, "TCP connections for 200 calls in turn, each with a transport of its own"),
			timed("default", "", -2, .6, "TCP connections for 2,000 calls by 50 callers, all 50 inside at once each time, 2 idle connections kept for a host"),
			timed("roomy", "", -1, 3, "TCP connections for 2,000 calls by 50 callers, all 50 inside at once each time, 50 idle connections kept for a host"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			var opened atomic.Int64
			body := strings.Repeat("x", 1<<20)
			meet := meeting(crowded)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/together" {
					meet(r.Context())
				}
				if r.URL.Path == "/large" {
					_, _ = io.WriteString(w, body) // who closes early makes it fail
					return
				}
				_, _ = io.WriteString(w, "small")
			}))
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					opened.Add(1)
				}
			}
			s.Start()
			defer s.Close()
			count := func(run func() error) (float64, error) {
				opened.Store(0)
				err := run()
				return float64(opened.Load()), err
			}
			return connectionsBy(ctx, s.URL, calls, count)
		},
	}
}

// crowded is how many callers ask together.
const crowded = 50

// meeting returns a function that returns when so many have called it, again
// and again, or when the caller's context ends.
func meeting(many int) func(context.Context) {
	var mu sync.Mutex
	inside, all := 0, make(chan struct{})
	return func(ctx context.Context) {
		mu.Lock()
		here := all
		if inside++; inside == many {
			inside, all = 0, make(chan struct{})
			close(here)
		}
		mu.Unlock()
		select {
		case <-here:
		case <-ctx.Done():
		}
	}
}

// together lets a crowd make forty calls each, all of them inside at once each
// time, with one client that keeps so many idle connections.
func together(ctx context.Context, url string, idle int) error {
	client := code.NewClient(idle)
	defer client.CloseIdleConnections()
	for range 40 {
		err := code.Each(ctx, crowded, crowded, func(ctx context.Context, _ int) error {
			_, err := code.Get(ctx, client, url+"/together")
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// connectionsBy counts the connections that each way to use a client makes.
func connectionsBy(ctx context.Context, url string, calls int, count func(func() error) (float64, error)) (map[string]float64, error) {
	out := map[string]float64{}
	inTurn := func(call func() error) func() error {
		return func() error {
			for range calls {
				if err := call(); err != nil {
					return err
				}
			}
			return nil
		}
	}
	get := func(client *http.Client) error {
		_, err := code.Get(ctx, client, url)
		return err
	}
	one, hasty := code.NewClient(2), code.NewClient(2)
	defer one.CloseIdleConnections()
	defer hasty.CloseIdleConnections()
	var faults []error
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"shared", inTurn(func() error { return get(one) })},
		{"undrained", inTurn(func() error {
			res, err := hasty.Get(url + "/large")
			if err != nil {
				return fmt.Errorf("get: %w", err)
			}
			return res.Body.Close()
		})},
		{"fresh", inTurn(func() error {
			client := code.NewClient(2)
			defer client.CloseIdleConnections() // most who do this forget it
			return get(client)
		})},
		{"default", func() error { return together(ctx, url, 2) }},
		{"roomy", func() error { return together(ctx, url, crowded) }},
	} {
		var err error
		out[c.name], err = count(c.run)
		faults = append(faults, err)
	}
	return out, errors.Join(faults...)
}

// parked is what a goroutine costs that waits.
func parked() Program {
	const many = 100_000
	return Program{
		ID:      "async-io.parked",
		Figures: []guide.Figure{timed("bytes", "kB", 1, .6, "memory from the system for each of 100,000 goroutines that wait on a channel")},
		Measure: func(context.Context) (map[string]float64, error) {
			var before, after runtime.MemStats
			release := make(chan struct{})
			var begun, all sync.WaitGroup
			runtime.GC()
			runtime.ReadMemStats(&before)
			begun.Add(many)
			for range many {
				all.Go(func() { begun.Done(); <-release })
			}
			begun.Wait()
			runtime.GC()
			runtime.ReadMemStats(&after)
			close(release)
			all.Wait()
			used := float64(after.StackInuse+after.HeapInuse) - float64(before.StackInuse+before.HeapInuse)
			return map[string]float64{"bytes": used / many / 1e3}, nil
		},
	}
}

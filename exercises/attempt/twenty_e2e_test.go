//go:build e2e && linux

package attempt_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/grade"
	"workbench/exercises/sandbox"
	exercise "workbench/exercises/shelf"
	"workbench/sim/clock"
)

const self = "sandbox-init"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == self {
		fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// resident returns the bytes in memory of a process and all that came from it.
func resident(pid int) int64 {
	dir := fmt.Sprintf("/proc/%d", pid)
	text, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return 0 // it has ended
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64) // the kernel writes numbers
	total := pages * int64(os.Getpagesize())
	lists, _ := filepath.Glob(dir + "/task/*/children") // the pattern is right
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				total += resident(child)
			}
		}
	}
	return total
}

// Twenty answers come at once, right and wrong ones: each is graded, none is
// lost or mistaken for another, and they take no more memory than one does.
func TestTwentyAtOnce(t *testing.T) {
	const dir = "../grade/testdata/shelf"
	all, err := exercise.Open(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	box := sandbox.New(t.Context(), self)
	if err := box.Report().Require(sandbox.Full); err != nil {
		t.Skipf("ANSWERS ARE NOT GRADED HERE: %v", err)
	}
	g, err := grade.New(t.Context(), box)
	if err != nil {
		t.Skipf("ANSWERS ARE NOT GRADED HERE: %v", err)
	}
	s := &shelf{}
	q, err := attempt.New(t.Context(), attempt.Config{Store: s, Grade: attempt.Judge(g, all), Length: 20, Clock: clock.NewWall(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	text := func(variant string) map[string]string {
		b, err := os.ReadFile(filepath.Join(dir, "01-token-bucket", variant, "token_bucket.go"))
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"token_bucket.go": string(b)}
	}
	variants := []map[string]string{text("right/a"), text("start"), text("wrong/unlocked"), {"token_bucket.go": "package tokenbucket\nnot Go"}}

	wall := clock.NewWall()
	watching, stop := context.WithCancel(t.Context())
	var one, most int64 // bytes while one was graded, and while twenty were there
	var twenty bool
	var mu sync.Mutex
	var watch sync.WaitGroup
	watch.Go(func() {
		for wall.Wait(watching, wall.Now()+20*time.Millisecond) == nil {
			n := resident(os.Getpid())
			mu.Lock()
			if twenty {
				most = max(most, n)
			} else {
				one = max(one, n)
			}
			mu.Unlock()
		}
	})
	await := func(id uint64) {
		steps, err := q.Watch(t.Context(), id)
		if err != nil {
			t.Error(err)
			return
		}
		for range steps {
		}
	}
	first, err := q.Submit(t.Context(), "token-bucket", variants[0])
	if err != nil {
		t.Fatal(err)
	}
	await(first.ID)
	mu.Lock()
	twenty = true
	mu.Unlock()
	began := wall.Now()
	ids := make([]uint64, 20)
	var crowd sync.WaitGroup
	for i := range ids {
		crowd.Go(func() {
			a, err := q.Submit(t.Context(), "token-bucket", variants[i%len(variants)])
			if err != nil {
				t.Errorf("attempt %d is refused: %v", i, err)
				return
			}
			ids[i] = a.ID
			await(a.ID)
		})
	}
	crowd.Wait()
	took := wall.Now() - began
	stop()
	watch.Wait()
	for i, id := range ids {
		a, err := q.Attempt(t.Context(), id)
		if err != nil || a.State != attempt.Done || a.Tries != 1 || a.Passed != (i%len(variants) == 0) || len(a.Verdict) == 0 {
			t.Errorf("attempt %d (answer %d): %v after %d tries, passed %v, %v: want done after one, and passed if it is right", id, i%len(variants), a.State, a.Tries, a.Passed, err)
		}
	}
	t.Logf("20 attempts at once: all finished in %v, none lost; in memory at most %d MiB, %d MiB with one", took.Round(time.Second), most>>20, one>>20)
	if most > 2*one {
		t.Errorf("twenty attempts took %d MiB, one %d: want at most twice as much", most>>20, one>>20)
	}
}

package remote_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab/remote"
	"workbench/sim/clock"
)

// budget is the promise for one call, whatever Redis does.
const budget = time.Second

// TestLimitsKeepTheBudget adds up what one call may wait for, as configured:
// the promise itself, free of this machine's speed.
func TestLimitsKeepTheBudget(t *testing.T) {
	o := open(t, remote.Options{Embedded: true}).Client().(*redis.Client).Options()
	tries := time.Duration(1 + o.MaxRetries)
	worst := tries*(o.PoolTimeout+time.Duration(o.DialerRetries)*o.DialTimeout+max(o.ReadTimeout, o.WriteTimeout)) + (tries-1)*o.MaxRetryBackoff
	if worst >= budget {
		t.Errorf("a call may take %v, want less than %v", worst, budget)
	}
	if !o.ContextTimeoutEnabled {
		t.Error("ContextTimeoutEnabled = false: a caller's shorter limit would not count")
	}
}

func open(t *testing.T, o remote.Options) *remote.Redis {
	t.Helper()
	o.Dir = t.TempDir()
	r, err := remote.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open(%+v) = %v", o, err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if left, err := filepath.Glob(filepath.Join(o.Dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("files left behind: %v (%v), want none", left, err)
		}
	})
	return r
}

// spawnable skips, or fails where redis is required, without a redis-server.
func spawnable(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err == nil {
		return
	}
	if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "redis") {
		t.Fatal("no redis-server on PATH, and WORKBENCH_REQUIRE asks for it")
	}
	t.Skip("SKIPPED: no redis-server on PATH; the spawned Redis is not tested (apt-get install redis-server)")
}

// each runs a test against every kind of Redis this machine can have.
func each(t *testing.T, test func(t *testing.T, r *remote.Redis)) {
	t.Run("embedded", func(t *testing.T) { test(t, open(t, remote.Options{Embedded: true})) })
	t.Run("spawned", func(t *testing.T) {
		spawnable(t)
		test(t, open(t, remote.Options{}))
	})
	t.Run("real", func(t *testing.T) {
		spawnable(t)
		test(t, open(t, remote.Options{URL: address(t, open(t, remote.Options{}))}))
	})
}

// address returns the URL by which another client reaches r.
func address(t *testing.T, r *remote.Redis) string {
	t.Helper()
	o := r.Client().(*redis.Client).Options()
	return "redis://:" + o.Password + "@" + o.Addr
}

func TestOpenSaysWhichRedis(t *testing.T) {
	want := map[string][2]string{
		"embedded": {"embedded", "embedded (miniredis)"},
		"spawned":  {"spawned", "real (redis-server "},
		"real":     {"real", "real (redis-server "},
	}
	each(t, func(t *testing.T, r *remote.Redis) {
		_, name, _ := strings.Cut(t.Name(), "/")
		if r.Kind() != want[name][0] || !strings.HasPrefix(r.Label(), want[name][1]) {
			t.Errorf("Kind, Label = %q, %q, want %q, %q…", r.Kind(), r.Label(), want[name][0], want[name][1])
		}
		if name == "real" && !strings.Contains(r.Label(), " at 127.0.0.1:") {
			t.Errorf("Label() = %q, want the address in it", r.Label())
		}
		if !r.Up() {
			t.Error("Up() = false after Open, want true")
		}
	})
}

func TestOpenRefusesWithoutSecrets(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"not a URL":         "::hunter2",
		"another scheme":    "http://:hunter2@127.0.0.1:1",
		"nobody listens":    "redis://:hunter2@" + nobody,
		"no such parameter": "redis://:hunter2@127.0.0.1:1?nonsense=1",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := remote.Open(t.Context(), remote.Options{URL: url})
			if err == nil {
				t.Fatalf("Open(%q) = nil error, want one (close: %v)", url, r.Close())
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q shows the password", err)
			}
		})
	}
}

func TestStrangersAreKeptOut(t *testing.T) {
	each(t, func(t *testing.T, r *remote.Redis) {
		c := redis.NewClient(&redis.Options{Addr: r.Client().(*redis.Client).Options().Addr})
		defer func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
		if err := c.Set(t.Context(), "k", "v", 0).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
			t.Errorf("SET without a password = %v, want NOAUTH", err)
		}
	})
}

func TestKillFailsFastAndReviveRecovers(t *testing.T) {
	each(t, func(t *testing.T, r *remote.Redis) {
		c := r.Client()
		if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := r.Kill(); err != nil {
			t.Fatalf("Kill() = %v", err)
		}
		if r.Up() {
			t.Error("Up() = true after Kill, want false")
		}
		crowd(t, c)
		if err := r.Kill(); err != nil {
			t.Errorf("second Kill() = %v, want nil", err)
		}
		if err := r.Revive(t.Context()); err != nil {
			t.Fatalf("Revive() = %v", err)
		}
		if !r.Up() {
			t.Error("Up() = false after Revive, want true")
		}
		got, err := c.Get(t.Context(), "k").Result()
		if r.Kind() == "real" {
			if got != "v" || err != nil {
				t.Errorf("GET after Revive = %q, %v: a fault must not lose the learner's data", got, err)
			}
		} else if !errors.Is(err, redis.Nil) {
			t.Errorf("GET after Revive = %q, %v, want an empty Redis", got, err)
		}
	})
}

// A connection that the fault has cut while nobody used it is no error at the end.
func TestCloseAfterAFault(t *testing.T) {
	each(t, func(t *testing.T, r *remote.Redis) {
		if err := r.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
}

// crowd calls from many goroutines at once, more than there are connections,
// and wants every call to end with an error of its own, not the context's. The
// context allows three budgets, because this machine may be slow; with the
// library's defaults it is exceeded.
func crowd(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*budget)
	defer cancel()
	wall := clock.NewWall()
	worst := make([]time.Duration, 100)
	var callers sync.WaitGroup
	for i := range worst {
		callers.Go(func() {
			begin := wall.Now()
			if err := c.Get(ctx, "k").Err(); err == nil || errors.Is(err, redis.Nil) || ctx.Err() != nil {
				t.Errorf("GET of an unreachable Redis = %v, context %v, want an error of its own", err, ctx.Err())
			}
			worst[i] = wall.Now() - begin
		})
	}
	callers.Wait()
	t.Logf("100 calls at once: the slowest failed after %v", slices.Max(worst))
}

// TestBlackHole stands a server that never answers between client and Redis:
// nothing is refused, so only our own limits can end a call.
func TestBlackHole(t *testing.T) {
	back := open(t, remote.Options{Embedded: true})
	p := newPipe(t, back.Client().(*redis.Client).Options().Addr)
	url := "redis://:" + back.Client().(*redis.Client).Options().Password + "@" + p.listener.Addr().String()
	r := open(t, remote.Options{URL: url})
	if err := r.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	p.hold(true)
	crowd(t, r.Client())
	until(t, "Up() = false in a black hole", func() bool { return !r.Up() })
	p.hold(false)
	until(t, "Up() = true after the black hole", r.Up)
	if got, err := r.Client().Get(t.Context(), "k").Result(); got != "v" || err != nil {
		t.Errorf("GET afterwards = %q, %v, want v", got, err)
	}
}

// until waits for a state that must come, at most the ten seconds in which the
// lab promises to recover.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	wall := clock.NewWall()
	for !ok() {
		if wall.Now() > 10*time.Second {
			t.Fatalf("%s: not reached in 10 s", what)
		}
		if err := wall.Wait(t.Context(), wall.Now()+10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpawnedCrashIsNoticed(t *testing.T) {
	spawnable(t)
	r := open(t, remote.Options{})
	if err := r.Client().ShutdownNoSave(t.Context()).Err(); err != nil {
		t.Logf("SHUTDOWN = %v (the connection ends with the server)", err)
	}
	until(t, "Up() = false after a crash", func() bool { return !r.Up() })
	if err := r.Kill(); err != nil {
		t.Errorf("Kill() of a crashed server = %v, want nil", err)
	}
	if err := r.Revive(t.Context()); err != nil || !r.Up() {
		t.Errorf("Revive() = %v, Up() = %v, want nil, true", err, r.Up())
	}
}

func TestEmbeddedKeysExpire(t *testing.T) {
	r := open(t, remote.Options{Embedded: true})
	if err := r.Client().Set(t.Context(), "k", "v", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the key expires", func() bool {
		return errors.Is(r.Client().Get(t.Context(), "k").Err(), redis.Nil)
	})
}

// Caches may be emptied at any time, quotas between two runs; queues and what
// others have stored stay, whosever Redis it is.
func TestWhatIsRemoved(t *testing.T) {
	all := []string{remote.Copies + "entry:a", remote.Copies + "epoch", remote.Quotas + "user:1", "workbench-queue:{orders}", "workbench:other", "somebody-elses"}
	each(t, func(t *testing.T, r *remote.Redis) {
		for _, c := range []struct {
			name   string
			remove func(context.Context) error
			left   []string
		}{{"Flush", r.Flush, all[2:]}, {"Reset", r.Reset, all[3:]}} {
			for _, k := range all {
				if err := r.Client().Set(t.Context(), k, "v", 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.remove(t.Context()); err != nil {
				t.Fatalf("%s() = %v", c.name, err)
			}
			left, err := r.Client().Keys(t.Context(), "*").Result()
			slices.Sort(left)
			if want := slices.Sorted(slices.Values(c.left)); err != nil || !slices.Equal(left, want) {
				t.Errorf("after %s() Redis has %v, %v; want %v", c.name, left, err, want)
			}
		}
	})
}

// More keys than are looked at in one step are removed all the same.
func TestFlushOfMany(t *testing.T) {
	each(t, func(t *testing.T, r *remote.Redis) {
		p := r.Client().Pipeline()
		for i := range 2500 {
			p.Set(t.Context(), remote.Copies+strconv.Itoa(i), "v", 0)
		}
		if _, err := p.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Client().DBSize(t.Context()).Result(); n != 0 || err != nil {
			t.Errorf("%d keys after Flush, %v; want none", n, err)
		}
	})
}

func TestAfterClose(t *testing.T) {
	r := open(t, remote.Options{Embedded: true})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Kill(); !errors.Is(err, remote.ErrClosed) {
		t.Errorf("Kill() after Close = %v, want ErrClosed", err)
	}
	if err := r.Revive(t.Context()); !errors.Is(err, remote.ErrClosed) {
		t.Errorf("Revive() after Close = %v, want ErrClosed", err)
	}
	if r.Up() {
		t.Error("Up() = true after Close, want false")
	}
}

//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"workbench/lab/broker/brokertest"
	"workbench/lab/system/orders/desk"
	"workbench/sim/clock"
)

// shop is a process of the orders service that may be killed and started again
// on the same directory.
type shop struct {
	t      *testing.T
	binary string
	args   []string
	url    string
	cmd    *exec.Cmd
	took   []time.Duration // of each start, until it accepted connections
	wall   *clock.Wall
}

func openShop(t *testing.T, args ...string) *shop {
	t.Helper()
	s := &shop{t: t, binary: ordersBinary(t), wall: clock.NewWall()}
	s.args = append([]string{"orders", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--log", "error"}, args...)
	s.start()
	s.args[2] = strings.TrimPrefix(s.url, "http://") // the same port from now on
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
	})
	return s
}

// ordersBinary builds the program once for a test.
func ordersBinary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("WORKBENCH_BINARY"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "workbench")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func (s *shop) start() {
	s.t.Helper()
	begun := s.wall.Now()
	s.cmd = exec.Command(s.binary, s.args...)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("no address: %v", err)
	}
	s.took = append(s.took, s.wall.Now()-begun)
	s.url = strings.Fields(line)[1]
}

func (s *shop) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	_ = s.cmd.Wait() // its error is the signal
	s.cmd = nil
}

// crowd submits orders until it is told to end, each until it is accepted, under
// the same key with every try.
type crowd struct {
	s     *shop
	users int

	mu    sync.Mutex
	acked map[string]string // by account and key: the Location with which it was accepted
	tries int
	other map[int]int // answers other than 202, by status
	moved []string    // intents that were answered with two Locations
}

func (c *crowd) submit(ctx context.Context) {
	var wg sync.WaitGroup
	for user := range c.users {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}
			defer client.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("%d-%d", user, n)
				for !c.try(client, user, key, n) && c.s.wall.Wait(context.Background(), c.s.wall.Now()+20*time.Millisecond) == nil {
				}
				if n%7 == 0 { // somebody who did not hear the answer
					c.try(client, user, key, n)
				}
			}
		})
	}
	wg.Wait()
}

// try sends an order once and reports whether it was accepted.
func (c *crowd) try(client *http.Client, user int, key string, n int) bool {
	body := fmt.Sprintf(`{"symbol":%d,"side":%q,"price":%d,"qty":%d}`, 1+n%20, []string{"buy", "sell"}[n%2], 995+n%11, 1+n%9)
	req, err := http.NewRequest("POST", c.s.url+"/orders", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Workbench-User", fmt.Sprint(1000+user))
	res, err := client.Do(req)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries++
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return false
	}
	if res.StatusCode != http.StatusAccepted {
		c.other[res.StatusCode]++
		return false
	}
	intent, at := fmt.Sprintf("%d/%s", 1000+user, key), res.Header.Get("Location")
	if was, ok := c.acked[intent]; ok && was != at {
		c.moved = append(c.moved, intent)
	}
	c.acked[intent] = at
	return true
}

// tally is what the list says beside what was acknowledged.
type tally struct {
	Acked, Lost, Duplicated, Unapplied, Repeated int
}

// compare reads the whole list and compares.
func (c *crowd) compare(t *testing.T) tally {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	out := tally{Acked: len(c.acked)}
	seen := map[string]int{}
	for after := uint64(0); ; {
		res, err := http.Get(fmt.Sprintf("%s/orders?after=%d&limit=1000", c.s.url, after))
		if err != nil {
			t.Fatal(err)
		}
		var page desk.Page
		err = json.NewDecoder(res.Body).Decode(&page)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if len(page.Orders) == 0 {
			break
		}
		after = page.Next
		for _, o := range page.Orders {
			if o.Key == "" {
				continue // the file was filled with it
			}
			seen[fmt.Sprintf("%d/%s", o.Account, o.Key)]++
			switch {
			case o.Applied == 0:
				out.Unapplied++
			case o.Applied > 1:
				out.Repeated++
			}
		}
	}
	for intent := range c.acked {
		if seen[intent] == 0 {
			out.Lost++
		}
	}
	for _, n := range seen {
		out.Duplicated += n - 1
	}
	return out
}

// settle waits until everything is applied, and returns how long that took.
func (c *crowd) settle(t *testing.T) (tally, time.Duration) {
	t.Helper()
	begun := c.s.wall.Now()
	for {
		got := c.compare(t)
		if got.Unapplied == 0 || c.s.wall.Now()-begun > time.Minute {
			return got, c.s.wall.Now() - begun
		}
		if err := c.s.wall.Wait(t.Context(), c.s.wall.Now()+50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *crowd) hold(t *testing.T, got tally, least int) {
	t.Helper()
	if got.Acked < least || got.Lost != 0 || got.Duplicated != 0 || got.Unapplied != 0 || got.Repeated != 0 || len(c.moved) != 0 {
		t.Errorf("%+v with %d intents answered twice differently, want at least %d acknowledged and nothing else", got, len(c.moved), least)
	}
}

// TestKillOrders kills the whole process in mid-order twenty times, under
// submissions that are repeated until they are accepted. What the queue in memory
// held is gone each time, and is settled all the same.
func TestKillOrders(t *testing.T) {
	for _, name := range []string{"sqlite", "memory", "rabbitmq"} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--broker", name}
			if name == "rabbitmq" {
				_, url := brokertest.RabbitMQ(t)
				args = append(args, "--rabbitmq", url)
			}
			s := openShop(t, args...)
			c := &crowd{s: s, users: 8, acked: map[string]string{}, other: map[int]int{}}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan struct{})
			go func() { defer close(ended); c.submit(ctx) }()
			for i := range 20 {
				if err := s.wall.Wait(t.Context(), s.wall.Now()+time.Duration(200+37*i%300)*time.Millisecond); err != nil {
					t.Fatal(err)
				}
				s.kill()
				s.start()
			}
			stop()
			<-ended
			got, took := c.settle(t)
			c.hold(t, got, 100)
			starts := slices.Sorted(slices.Values(s.took[1:]))
			middle, longest := starts[len(starts)/2], starts[len(starts)-1]
			if middle > time.Second {
				t.Errorf("half of the starts took %v and longer, want less than a second", middle)
			}
			t.Logf("%s: killed 20 times; %d tries, acked %d, lost %d, duplicated %d, unapplied %d, repeated %d; start %v (longest %v); settled %v after the last; other answers %v",
				name, c.tries, got.Acked, got.Lost, got.Duplicated, got.Unapplied, got.Repeated, middle.Round(time.Millisecond), longest.Round(time.Millisecond), took.Round(time.Millisecond), c.other)
		})
	}
}

// TestOrdersWhenRabbitMQRestarts kills the broker's server in mid-load: orders
// are accepted meanwhile, and all are settled once it is back.
func TestOrdersWhenRabbitMQRestarts(t *testing.T) {
	server, url := brokertest.RabbitMQ(t)
	s := openShop(t, "--broker", "rabbitmq", "--rabbitmq", url)
	c := &crowd{s: s, users: 4, acked: map[string]string{}, other: map[int]int{}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); c.submit(ctx) }()
	wait := func(d time.Duration) {
		if err := s.wall.Wait(t.Context(), s.wall.Now()+d); err != nil {
			t.Fatal(err)
		}
	}
	wait(3 * time.Second)
	server.Kill()
	wait(2 * time.Second)
	down := c.compare(t)
	server.Start()
	wait(time.Second)
	stop()
	<-ended
	got, took := c.settle(t)
	c.hold(t, got, 20)
	t.Logf("RabbitMQ restarted: acked %d, lost %d, duplicated %d, repeated %d; %d unapplied while it was down, drained %v after the load", got.Acked, got.Lost, got.Duplicated, got.Repeated, down.Unapplied, took.Round(time.Millisecond))
}

// TestOrdersEndGently sends SIGTERM under load: whoever was accepted is
// answered, and the program ends well within a second.
func TestOrdersEndGently(t *testing.T) {
	s := openShop(t)
	c := &crowd{s: s, users: 8, acked: map[string]string{}, other: map[int]int{}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { defer close(ended); c.submit(ctx) }()
	if err := s.wall.Wait(t.Context(), s.wall.Now()+time.Second); err != nil {
		t.Fatal(err)
	}
	begun := s.wall.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := s.cmd.Wait()
	took := s.wall.Now() - begun
	if err != nil || took > time.Second {
		t.Errorf("the program ended with %v after %v, want exit code 0 within a second", err, took)
	}
	s.start()
	stop()
	<-ended
	got, _ := c.settle(t)
	c.hold(t, got, 1)
	t.Logf("SIGTERM under load: exit 0 after %v; %+v; other answers %v", took.Round(time.Millisecond), got, c.other)
}

// TestOrdersOnAFullDisk fills the file: writes are refused with a sentence,
// reads go on, and with room again writes resume with nothing lost.
func TestOrdersOnAFullDisk(t *testing.T) {
	s := openShop(t, "--max-pages", "120")
	client := &http.Client{Timeout: 5 * time.Second}
	post := func(n int) (int, string) {
		req, err := http.NewRequest("POST", s.url+"/orders", bytes.NewReader([]byte(`{"symbol":1,"side":"buy","price":900,"qty":1}`)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", fmt.Sprint(n))
		req.Header.Set("Workbench-User", "1000")
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	n, code, body := 0, 202, ""
	for ; (code == 202 || code == 429) && n < 20_000; n++ {
		code, body = post(n)
	}
	if code != 503 || !strings.Contains(body, "disk is full") {
		t.Fatalf("after %d orders: %d %s, want 503 and why", n, code, body)
	}
	res, err := http.Get(s.url + "/orders?limit=1000")
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("reading on a full disk: %v, %v", res, err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	s.kill()
	s.args = s.args[:len(s.args)-2]
	s.start()
	if code, body := post(n); code != 202 {
		t.Errorf("with room again: %d %s, want 202", code, body)
	}
	t.Logf("disk full after %d orders: 503, reads went on, writes resumed", n-1)
}

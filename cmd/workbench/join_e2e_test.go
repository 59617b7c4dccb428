//go:build e2e

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"workbench/lab/live"
)

// spawned is the program as a process of a test, with what it has said.
type spawned struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	mu   sync.Mutex
	text strings.Builder // guarded by mu; stdout and stderr
}

// Write implements io.Writer.
func (s *spawned) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *spawned) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// spawn starts the program. It ends with the test at the latest.
func spawn(t *testing.T, binary string, args ...string) *spawned {
	t.Helper()
	s := &spawned{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(s.done); _ = s.cmd.Wait() }()
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.done })
	return s
}

// signal sends a signal to the process by its number.
func (s *spawned) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(s.cmd.Process.Pid, sig); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end and returns the exit code and how long it took.
func (s *spawned) ends(limit time.Duration) (int, time.Duration) {
	s.t.Helper()
	began := time.Now()
	select {
	case <-s.done:
	case <-time.After(limit):
		s.t.Fatalf("process %d does not end within %v; it said:\n%s", s.cmd.Process.Pid, limit, s.said())
	}
	return s.cmd.ProcessState.ExitCode(), time.Since(began)
}

// until waits until a line matches, and returns the match's first group.
func (s *spawned) until(pattern string, limit time.Duration) string {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(s.said()); m != nil {
			return m[1]
		}
	}
	s.t.Fatalf("it does not say %q within %v, but:\n%s", pattern, limit, s.said())
	return ""
}

// served is the whole program as a process, with a session.
type served struct {
	started
	*spawned
	browser *http.Client
}

// serveBinary starts the program and loads a scenario.
func serveBinary(t *testing.T, binary, yaml string, args ...string) *served {
	t.Helper()
	p := spawn(t, binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, args...)...)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{started: started{t, p.until(`Traffic Workbench: (http://[^/]+)/`, time.Minute)}, spawned: p, browser: &http.Client{Jar: jar, Timeout: time.Minute}}
	s.started.until("a scenario runs", 2*time.Minute, func() bool {
		status, _ := fetch(t.Context(), t, s.url+"/readyz")
		return status == http.StatusOK
	})
	if res, err := s.browser.Get(s.url + "/about"); err != nil {
		t.Fatal(err)
	} else {
		res.Body.Close()
	}
	s.send("POST", "/api/lab/scenario", fmt.Sprintf(`{"yaml":%q}`, yaml))
	return s
}

// send makes a change.
func (s *served) send(method, path, body string) live.State {
	s.started.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.started.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.browser.Do(req)
	if err != nil {
		s.started.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	var state live.State
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(text, &state) != nil {
		s.started.t.Fatalf("%s %s = %d %s, %v", method, path, res.StatusCode, text, err)
	}
	return state
}

// users returns how many users had an outcome since the lab began.
func (s *served) users(outcome string) int {
	s.started.t.Helper()
	_, text := fetch(s.started.t.Context(), s.started.t, s.url+"/metrics")
	sc := bufio.NewScanner(strings.NewReader(text))
	for sc.Scan() {
		if v, ok := strings.CutPrefix(sc.Text(), fmt.Sprintf("workbench_traffic_users_total{outcome=%q} ", outcome)); ok {
			n, err := strconv.ParseFloat(v, 64)
			if err != nil {
				s.started.t.Fatal(err)
			}
			return int(n)
		}
	}
	s.started.t.Fatalf("no users with outcome %s", outcome)
	return 0
}

func instanceOf(s live.State, name string) live.InstanceState {
	for _, i := range s.Instances {
		if i.Name == name {
			return i
		}
	}
	return live.InstanceState{}
}

func told(s live.State, text string) bool {
	for _, m := range s.Markers {
		if strings.Contains(m.Text, text) {
			return true
		}
	}
	return false
}

// slowly has some thirty requests inside at any time, so that there is something
// to lose.
const slowly = `name: slowly
instances: 2
gate: {slots: 100, service: 200ms, law: constant}
population: {users: 1000, keys: 100}
traffic: [{for: 600s, rate: 150}]
clients: {timeout: 10s}
live_scale: 1`

// TestInstancesAsProcesses joins two processes to a lab under load, kills one as
// a crash does and ends the other politely.
func TestInstancesAsProcesses(t *testing.T) {
	binary := ordersBinary(t)
	s := serveBinary(t, binary, slowly, "--log", "error")
	one, two := spawn(t, binary, "instance", "--join", s.url), spawn(t, binary, "instance", "--join", s.url, "--name", "second")
	one.until(`serves profile at (\S+)`, time.Minute)
	two.until(`serves profile at (\S+)`, time.Minute)
	s.started.until("both get their share", time.Minute, func() bool {
		state := s.state()
		a, b := instanceOf(state, "p1"), instanceOf(state, "second")
		return a.State == "up" && b.State == "up" && a.Share > 0.2 && b.Share > 0.2 && a.Sent > 100
	})
	state := s.state()
	if p := instanceOf(state, "p1").Process; p == nil || p.PID != one.cmd.Process.Pid {
		t.Errorf("p1 is process %+v in GET /api/lab, want %d", p, one.cmd.Process.Pid)
	}
	s.send("PUT", "/api/lab/patterns/queue", `{"state":"on"}`)
	if state := s.state(); told(state, "has not carried out") {
		t.Errorf("the change did not hold at once: %v", state.Markers)
	}
	if _, page := fetch(t.Context(), t, s.url+"/lab"); !strings.Contains(page, fmt.Sprintf("own process %d", one.cmd.Process.Pid)) {
		t.Error("the page does not say that p1 is a process of its own")
	}

	s.followInto("p1")

	// A crash: those inside are lost, and nobody else.
	one.signal(syscall.SIGKILL)
	one.ends(10 * time.Second)
	s.started.until("the lab says that it is lost", 10*time.Second, func() bool { return instanceOf(s.state(), "p1").State == "down" })
	failed, ok := s.users("failed"), s.users("ok")
	t.Logf("killed with SIGKILL: %d users saw a broken answer", failed)
	s.started.until("the rest carry on", time.Minute, func() bool { return s.users("ok") > ok+300 })
	if now := s.users("failed"); now != failed {
		t.Errorf("%d users failed after the crash was over, want none", now-failed)
	}
	if got := instanceOf(s.state(), "second"); got.State != "up" || got.Share < 0.25 {
		t.Errorf("second is %+v, want it to carry its third", got)
	}

	// A farewell: nobody is lost.
	two.signal(syscall.SIGTERM)
	code, took := two.ends(15 * time.Second)
	if code != exitOK || !strings.Contains(two.said(), "second leaves: it gets no more requests") || !strings.Contains(two.said(), "0 requests cut, 0 accepted jobs undone") {
		t.Errorf("exit code %d; it said:\n%s\nwant 0, and nothing cut", code, two.said())
	}
	ok = s.users("ok")
	s.started.until("the lab's own carry on", time.Minute, func() bool { return s.users("ok") > ok+150 })
	last := s.state()
	if !told(last, "instance second has left, 0 requests cut") || instanceOf(last, "second").Name != "" {
		t.Errorf("markers %v, instances %+v; want second gone with nothing cut", last.Markers, last.Instances)
	}
	if now := s.users("failed"); now != failed {
		t.Errorf("%d users failed while second left, want none", now-failed)
	}
	t.Logf("ended with SIGTERM in %v: 0 users failed, %d served so far", took.Round(time.Millisecond), s.users("ok"))

	// The lab ends and sends home whoever is there.
	three := spawn(t, binary, "instance", "--join", s.url)
	three.until(`serves profile at (\S+)`, time.Minute)
	s.started.until("it serves", time.Minute, func() bool {
		for _, i := range s.state().Instances {
			if i.Process != nil && i.State == "up" && i.Sent > 20 {
				return true
			}
		}
		return false
	})
	s.signal(syscall.SIGTERM)
	if code, took := s.ends(10 * time.Second); code != exitOK {
		t.Errorf("serve: exit code %d after %v; it said:\n%s", code, took, s.said())
	}
	if code, _ := three.ends(10 * time.Second); code != exitOK || !strings.Contains(three.said(), "the lab has ended") {
		t.Errorf("exit code %d; it said:\n%s\nwant 0, sent home", code, three.said())
	}
}

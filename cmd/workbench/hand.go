package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"workbench/exercises/shelf"
	"workbench/sim/clock"
)

// neighbour is a workbench that serves, as another process sees it.
type neighbour struct {
	base  string // without a slash at the end
	http  *http.Client
	token string // its access token; empty on loopback
}

// callOn opens a session with the workbench at an address.
func callOn(ctx context.Context, address, token string) (*neighbour, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usagef("flag --plug: got %q, want the address of a workbench that serves, such as http://127.0.0.1:8080", address)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	n := &neighbour{base: u.Scheme + "://" + u.Host, http: &http.Client{Jar: jar, Timeout: time.Minute}, token: token}
	if err := n.ask(ctx, http.MethodGet, "/", nil, nil); err != nil {
		return nil, err
	}
	return n, nil
}

// busyError says that too many answers wait there; try again After.
type busyError struct {
	text  string
	after time.Duration
}

func (e *busyError) Error() string { return e.text }

// ask sends a request and reads the JSON that answers it into out, unless nil.
func (n *neighbour) ask(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, n.base+path, in)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if n.token != "" {
		req.Header.Set("Authorization", "Bearer "+n.token)
	}
	res, err := n.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w; does a workbench serve there?", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= 300 {
		return refusal(res, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s is no workbench: its answer to %s is no JSON: %w", n.base, path, err)
	}
	return nil
}

// refusal makes an error of a problem document, or of what came in its place.
func refusal(res *http.Response, text []byte) error {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		problem.Detail = "it answers " + res.Status
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		return &busyError{problem.Detail, time.Duration(s) * time.Second}
	}
	return errors.New(problem.Detail)
}

// handed is an attempt as the API shows it.
type handed struct {
	ID      uint64 `json:"id"`
	State   string `json:"state"`
	Passed  bool   `json:"passed"`
	Verdict struct {
		Reason string `json:"reason"`
	} `json:"verdict"`
}

// plugIn hands an answer in to a workbench that serves, which grades it itself,
// and plugs it into its lab.
func (p *program) plugIn(ctx context.Context, address string, e shelf.Exercise, dir string) error {
	if e.Plug == nil {
		return fmt.Errorf("an answer to %s has no place in the lab; those that have: %s", e.Slug, strings.Join(p.plugged(), ", "))
	}
	n, err := callOn(ctx, address, p.env("WORKBENCH_TOKEN"))
	if err != nil {
		return err
	}
	files := map[string]string{}
	for _, name := range e.Names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		files[name] = string(text)
	}
	var a handed
	if err := n.persist(ctx, func() error {
		return n.ask(ctx, http.MethodPost, "/api/exercises/"+e.Slug+"/attempts", map[string]any{"files": files}, &a)
	}); err != nil {
		return fmt.Errorf("hand the answer in: %w", err)
	}
	for a.State != "done" && a.State != "interrupted" {
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
		if err := n.ask(ctx, http.MethodGet, fmt.Sprintf("/api/attempts/%d", a.ID), nil, &a); err != nil {
			return fmt.Errorf("ask for the verdict: %w", err)
		}
	}
	if !a.Passed {
		return fmt.Errorf("%s does not accept it: %s", n.base, a.Verdict.Reason)
	}
	if err := n.persist(ctx, func() error {
		return n.ask(ctx, http.MethodPost, "/api/exercises/"+e.Slug+"/plug", map[string]any{}, nil)
	}); err != nil {
		return fmt.Errorf("plug it in: %w", err)
	}
	fmt.Fprintf(p.err, "plugged in: in the lab of %s/lab, set %s to yours\n", n.base, e.Plug.Pattern)
	return nil
}

// plugged lists the exercises whose answers have a place in the lab.
func (p *program) plugged() []string {
	var out []string
	for _, e := range p.shelf("").All() {
		if e.Plug != nil {
			out = append(out, e.Slug)
		}
	}
	return out
}

// persist tries again what is refused because others are before it, a few times.
func (n *neighbour) persist(ctx context.Context, try func() error) error {
	const most = 20
	for i := 1; ; i++ {
		err := try()
		var busy *busyError
		if i == most || !errors.As(err, &busy) {
			return err
		}
		if err := pause(ctx, max(time.Second, busy.after)); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	w := clock.NewWall()
	return w.Wait(ctx, w.Now()+d)
}

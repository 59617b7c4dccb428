package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the program when the lab starts
// its generator, the sandbox its first process, or a trial one to kill.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "traffic" || os.Args[1] == sandboxInit || os.Args[1] == victimName) {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
	}
	os.Exit(m.Run())
}

// TestServe starts the whole program on a free port, as main does, and ends it
// as a signal would.
func TestServe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the whole lab")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	signalled, signal := context.WithCancel(ctx)
	defer signal()
	stdout, out := io.Pipe()
	var stderr strings.Builder // read after the program has ended
	code := make(chan int, 1)
	go func() {
		code <- run(signalled, []string{"serve", "--addr=127.0.0.1:0", "--data=" + t.TempDir(), "--log=error"}, strings.NewReader(""), out, &stderr, func(string) string { return "" })
		out.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no greeting (%v), exit code %d; stderr:\n%s", err, <-code, stderr.String())
	}
	at, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "Traffic Workbench: ")))
	if err != nil || at.Host == "" || at.Query().Get("token") == "" {
		t.Fatalf("greeting = %q, want an address with a token", line)
	}
	for ready := 0; ready != http.StatusOK; ready, _ = fetch(ctx, t, "http://"+at.Host+"/readyz") {
	} // until the scenario runs, the generator with it; ctx bounds it
	for path, want := range map[string]string{"/healthz": "", "/": "<title>", "/metrics": "workbench_"} {
		if status, body := fetch(ctx, t, "http://"+at.Host+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s = %d, %.200q, want 200 with %q", path, status, body, want)
		}
	}
	signal()
	select {
	case c := <-code:
		if c != exitOK || stderr.Len() > 0 {
			t.Errorf("exit code = %d, stderr:\n%s\nwant 0 and nothing", c, stderr.String())
		}
	case <-ctx.Done():
		t.Fatal("the program did not end")
	}
}

func fetch(ctx context.Context, t *testing.T, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestVirtualEngine runs an embedded scenario through the real wiring.
func TestVirtualEngine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout []string
		stderr string
	}{
		{"lost", []string{"run", "metastable", "--engine=virtual", "--scale=0.2"}, exitOK, []string{"engine virtual", "✓ A minute after the spike"}, ""},
		{"won", []string{"run", "metastable", "--engine=virtual", "--scale=0.2", "--on=queue"}, exitOK, []string{"with queue", "✓ A queue shorter than the users' patience"}, ""},
		{"Redis gone", []string{"run", "cache-down", "--engine=virtual", "--scale=0.2"}, exitOK, []string{"✓ Without Redis the database drowns"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs strings.Builder
			if code := run(t.Context(), tt.args, strings.NewReader(""), &out, &errs, func(string) string { return "" }); code != tt.code {
				t.Errorf("exit code = %d, want %d; stderr:\n%s", code, tt.code, errs.String())
			}
			inOrder(t, "stdout", out.String(), tt.stdout)
			if !strings.Contains(errs.String(), tt.stderr) {
				t.Errorf("stderr = %q, want %q", errs.String(), tt.stderr)
			}
		})
	}
}

package product_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"workbench/lab/product"
)

func open(t *testing.T, dir string) *product.Product {
	t.Helper()
	p, err := product.Open(t.Context(), product.Config{Addr: "127.0.0.1:0", Dir: dir, Broker: "sqlite", Symbols: 3, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closed(t *testing.T, p *product.Product) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

// call sends one request and returns its status and body.
func call(t *testing.T, p *product.Product, method, path, key, body string) (int, string) {
	t.Helper()
	return callAs(t, p, "", method, path, key, body)
}

// callAs is call as a user; empty: nobody in particular.
func callAs(t *testing.T, p *product.Product, user, method, path, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.Header.Set("Workbench-User", user)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

const order = `{"symbol":1,"side":"buy","price":1000,"qty":10}`

// What was accepted is there after the files are opened again, once, under the
// answer that was given, and the metrics say what happened.
func TestAnOrderOnce(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	status, first := call(t, p, "POST", "/orders", "k", order)
	if status != http.StatusAccepted {
		t.Fatalf("the first order = %d %s, want 202", status, first)
	}
	for _, c := range []struct {
		name, method, path, key, body string
		status                        int
		want                          string
	}{
		{"again", "POST", "/orders", "k", order, 202, first},
		{"the key with another body", "POST", "/orders", "k", strings.Replace(order, "10}", "11}", 1), 422, "another request"},
		{"without a key", "POST", "/orders", "", order, 400, "dempotency"},
		{"no such side", "POST", "/orders", "x", strings.Replace(order, "buy", "bye", 1), 400, "side"},
		{"ready", "GET", "/readyz", "", "", 200, ""},
		{"alive", "GET", "/healthz", "", "", 200, ""},
	} {
		if status, body := call(t, p, c.method, c.path, c.key, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s, want %d and %q", c.name, status, body, c.status, c.want)
		}
	}
	_, metrics := call(t, p, "GET", "/metrics", "", "")
	for _, want := range []string{
		`workbench_pattern_events_total{event="accepted",pattern="idempotency"} 1`, `workbench_pattern_events_total{event="replayed",pattern="idempotency"} 1`,
		`workbench_pattern_events_total{event="mismatched",pattern="idempotency"} 1`, `workbench_pattern_state{pattern="outbox"} 2`,
		"workbench_broker_up 1", "workbench_broker_dead_messages 0", "workbench_open_orders 7", "workbench_sequence_number 7",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	closed(t, p)
	p = open(t, dir)
	defer closed(t, p)
	if status, body := call(t, p, "POST", "/orders", "k", order); status != http.StatusAccepted || body != first {
		t.Errorf("after a restart the same order = %d %s, want 202 %s", status, body, first)
	}
	var page struct {
		Orders []struct {
			Key     string
			Applied int
		}
	}
	if _, body := call(t, p, "GET", "/orders?after=0", "", ""); json.Unmarshal([]byte(body), &page) != nil || len(page.Orders) != 7 {
		t.Fatalf("the list is %s, want six orders that the file was filled with and one more", body)
	}
	seen := map[string]int{}
	for _, o := range page.Orders {
		seen[o.Key]++
	}
	if len(seen) != 7 || seen["k"] != 1 {
		t.Errorf("the list has keys %v, want seven different ones, k among them", seen)
	}
}

// Numbers of 64 bits that no file can hold are answered, and leave a file that
// can be opened and a list that can be read.
func TestNumbersBeyondTheFile(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	for _, method := range []string{"GET", "DELETE"} {
		if status, body := call(t, p, method, "/orders/9223372036854775813", "", ""); status != http.StatusNotFound { // 1<<63 + 5, and there is an order 5
			t.Errorf("%s of an order beyond the file = %d %s, want 404", method, status, body)
		}
	}
	if status, body := callAs(t, p, "18446744073709551615", "POST", "/orders", "k", order); status != http.StatusAccepted {
		t.Errorf("an order of the last user = %d %s, want 202", status, body)
	}
	closed(t, p)
	p = open(t, dir)
	defer closed(t, p)
	for _, c := range []struct{ path, want string }{
		{"/orders?after=0", `{"seq":7,"key":"k","account":18446744073709551615,`}, {"/orders/7", `"account":18446744073709551615`}, {"/orders/5", `"state":"open"`},
	} {
		if status, body := call(t, p, "GET", c.path, "", ""); status != http.StatusOK || !strings.Contains(body, c.want) {
			t.Errorf("after a restart %s = %d %s, want 200 with %s", c.path, status, body, c.want)
		}
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  product.Config
		want string
	}{
		{"nothing", product.Config{}, "Log, Dir, Addr and Broker"},
		{"no such broker", product.Config{Addr: "127.0.0.1:0", Dir: t.TempDir(), Broker: "pigeon", Log: slog.New(slog.DiscardHandler)}, "pigeon"},
	} {
		if p, err := product.Open(t.Context(), c.cfg); err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: Open = %v, %v; want an error with %q", c.name, p, err, c.want)
		}
	}
}

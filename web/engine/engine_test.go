package engine

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func pack(t *testing.T, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func get(s *Set, path, accept string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func TestServesTheEngine(t *testing.T) {
	packed := pack(t, "\x00asm and more")
	s, err := load(fstest.MapFS{"dist/engine.wasm.gz": {Data: packed}, "dist/wasm_exec.js": {Data: []byte("glue")}})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Ready() || s.Packed() != len(packed) || !strings.HasSuffix(s.Worker(), "/worker.js") {
		t.Fatalf("Ready %v, Packed %d, Worker %q, want an engine of %d bytes", s.Ready(), s.Packed(), s.Worker(), len(packed))
	}
	dir := strings.TrimSuffix(s.Worker(), "worker.js")
	for _, c := range []struct {
		path, accept string
		status       int
		kind, coding string
		body         string
		policy       string
	}{
		{dir + "worker.js", "", 200, "text/javascript; charset=utf-8", "", string(worker), Policy},
		{dir + "wasm_exec.js", "", 200, "text/javascript; charset=utf-8", "", "glue", ""},
		{dir + "engine.wasm", "gzip, br", 200, "application/wasm", "gzip", string(packed), ""},
		{dir + "engine.wasm", "", 200, "application/wasm", "", "\x00asm and more", ""},
		{dir + "other", "", 404, "", "", "", ""},
		{"/engine/000000000000/worker.js", "", 404, "", "", "", ""},
	} {
		res := get(s, c.path, c.accept)
		if res.StatusCode != c.status {
			t.Errorf("%s = %d, want %d", c.path, res.StatusCode, c.status)
			continue
		}
		if c.status != 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || string(body) != c.body {
			t.Errorf("%s (%s) = %q, %v, want %q", c.path, c.accept, body, err, c.body)
		}
		h := res.Header
		if h.Get("Content-Type") != c.kind || h.Get("Content-Encoding") != c.coding || h.Get("Content-Security-Policy") != c.policy || !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("%s (%s): headers %v", c.path, c.accept, h)
		}
	}
}

func TestWithoutAnEngine(t *testing.T) {
	s, err := load(fstest.MapFS{"dist/.gitignore": {}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Ready() || s.Worker() != "" || s.Packed() != 0 {
		t.Errorf("Ready %v, Worker %q, Packed %d, want none", s.Ready(), s.Worker(), s.Packed())
	}
	if res := get(s, "/engine//worker.js", ""); res.StatusCode != 404 {
		t.Errorf("without an engine its worker = %d, want 404", res.StatusCode)
	}
}

func TestHalfAnEngineIsNone(t *testing.T) {
	if _, err := load(fstest.MapFS{"dist/engine.wasm.gz": {Data: []byte("x")}}); err == nil || !strings.Contains(err.Error(), "wasm_exec.js") {
		t.Errorf("load without its support = %v, want an error that names it", err)
	}
}

func TestADamagedEngineIsSaid(t *testing.T) {
	s, err := load(fstest.MapFS{"dist/engine.wasm.gz": {Data: []byte("no gzip")}, "dist/wasm_exec.js": {Data: []byte("glue")}})
	if err != nil {
		t.Fatal(err)
	}
	if res := get(s, strings.TrimSuffix(s.Worker(), "worker.js")+"engine.wasm", ""); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a damaged engine = %d, want 500", res.StatusCode)
	}
}

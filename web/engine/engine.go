// Package engine serves virtual time to browsers: the workbench's own engine as
// WebAssembly, and the worker that runs it. A page can then answer at once, and
// replay a shared run to the last bit without asking the server.
//
// make build puts the program into dist/ before it builds the server, which
// embeds it. A server that was built without says so (Ready) and lacks nothing
// else.
package engine

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
)

//go:embed all:dist
var built embed.FS

//go:embed worker.js
var worker []byte

// Policy is the content policy of the worker: it may compile WebAssembly, which
// pages may not, and load what this server serves.
const Policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

// Set is the engine's files, ready to send. It is safe for concurrent use.
type Set struct {
	digest  string
	glue    []byte // Go's own support for WebAssembly
	program []byte // packed; nil: the server was built without
}

// Load reads the embedded files.
func Load() (*Set, error) { return load(built) }

func load(from fs.FS) (*Set, error) {
	s := &Set{}
	var err error
	s.program, err = fs.ReadFile(from, "dist/engine.wasm.gz")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the engine: %w", err)
	}
	if s.glue, err = fs.ReadFile(from, "dist/wasm_exec.js"); err != nil {
		return nil, fmt.Errorf("read the engine's support: %w", err)
	}
	sum := sha256.New()
	for _, part := range [][]byte{s.program, s.glue, worker} {
		fmt.Fprintf(sum, "%d\n", len(part))
		sum.Write(part)
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))[:12]
	return s, nil
}

// Ready reports whether there is an engine to serve.
func (s *Set) Ready() bool { return s.program != nil }

// Packed returns the program's size in bytes as it is sent.
func (s *Set) Packed() int { return len(s.program) }

// Worker returns the address of the worker, empty without an engine.
func (s *Set) Worker() string {
	if !s.Ready() {
		return ""
	}
	return "/engine/" + s.digest + "/worker.js"
}

// ServeHTTP answers /engine/<digest>/<file>.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	digest, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/engine/"), "/")
	if !s.Ready() || digest != s.digest {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	body, kind := []byte(nil), "text/javascript; charset=utf-8"
	switch name {
	case "worker.js":
		body = worker
		h.Set("Content-Security-Policy", Policy)
	case "wasm_exec.js":
		body = s.glue
	case "engine.wasm":
		s.sendProgram(w, r)
		return
	default:
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Type", kind)
	keep(h)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil {
		return // the browser left
	}
}

// keep lets browsers keep what has its digest in the address.
func keep(h http.Header) { h.Set("Cache-Control", "public, max-age=31536000, immutable") }

func (s *Set) sendProgram(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	var body io.Reader = bytes.NewReader(s.program)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(s.program)))
	} else {
		plain, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, "the engine is damaged: build the workbench anew", http.StatusInternalServerError)
			return
		}
		body = plain
	}
	h.Set("Content-Type", "application/wasm")
	h.Set("Vary", "Accept-Encoding")
	keep(h)
	if _, err := io.Copy(w, body); err != nil {
		return // the browser left
	}
}

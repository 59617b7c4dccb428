// Package assets holds the browser's files, built by build.sh into dist/ and
// committed, so that building the program needs Go alone.
//
// Every address holds a digest of all files, so a browser may keep them for
// ever and never mixes two versions.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var files embed.FS

//go:embed NOTICE
var notice string

// Notice returns the licences of what others wrote and we serve.
func Notice() string { return notice }

// file is one asset, ready to send.
type file struct {
	kind          string
	plain, packed []byte // packed is nil where it would not be smaller
}

// Set serves the assets. It is safe for concurrent use and read only.
type Set struct {
	digest string
	files  map[string]file // by path below dist, such as "lab.js"
}

var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

// Load reads and packs the embedded files.
func Load() (*Set, error) {
	s := &Set{files: map[string]file{}}
	sum := sha256.New()
	err := fs.WalkDir(files, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		kind, ok := kinds[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no content type is known for it", name)
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(plain))
		sum.Write(plain)
		packed, err := pack(plain)
		s.files[strings.TrimPrefix(name, "dist/")] = file{kind, plain, packed}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.digest = hex.EncodeToString(sum.Sum(nil))[:12]
	return s, nil
}

func pack(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.Len() >= len(plain) {
		return nil, nil
	}
	return b.Bytes(), nil
}

// URL returns the address of an asset.
func (s *Set) URL(name string) string { return "/assets/" + s.digest + "/" + name }

// Packed returns an asset's size in bytes as it is sent, or 0 for none.
func (s *Set) Packed(name string) int {
	f := s.files[name]
	if f.packed == nil {
		return len(f.plain)
	}
	return len(f.packed)
}

// ServeHTTP answers /assets/<digest>/<name>.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	digest, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/assets/"), "/")
	f, ok := s.files[name]
	if !ok || digest != s.digest {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	f.send(w, r)
}

// Icon answers /favicon.ico, which browsers ask for unasked.
func (s *Set) Icon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=86400")
		s.files["icon.svg"].send(w, r)
	})
}

func (f file) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if f.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil {
		return // the browser left
	}
}

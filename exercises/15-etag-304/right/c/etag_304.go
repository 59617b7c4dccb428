// Package etag304 spares clients the bytes that they already have.
// This answer lets the handler write into a small recorder, decides once at the end,
// and steps aside as soon as it learns that there is nothing to decide.
package etag304

import (
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// MaxBody is the longest body that Wrap holds in memory to name it.
const MaxBody = 1 << 20

// Wrap gives the answers of next an ETag, and answers 304 to a client that has the same.
func Wrap(next http.Handler) http.Handler {
	tags := regexp.MustCompile(`(?:W/)?("[^"]*")\s*(?:,|$)`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains([]string{http.MethodGet, http.MethodHead}, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		asked := strings.Join(r.Header.Values("If-None-Match"), ",")
		has := func(tag string) bool {
			if strings.Trim(asked, " \t") == "*" {
				return true
			}
			for _, m := range tags.FindAllStringSubmatch(asked, -1) {
				if m[1] == strings.TrimPrefix(tag, "W/") {
					return true
				}
			}
			return false
		}
		rec := &recorder{out: w, silent: r.Method == http.MethodHead, has: has}
		get := r.WithContext(r.Context())
		get.Method = http.MethodGet
		next.ServeHTTP(rec, get)
		rec.finish()
	})
}

type recorder struct {
	out    http.ResponseWriter
	silent bool // no body may follow
	has    func(tag string) bool
	status int
	sent   bool
	parts  [][]byte
	size   int
}

func (r *recorder) Header() http.Header { return r.out.Header() }

func (r *recorder) WriteHeader(status int) {
	if status < 200 {
		r.out.WriteHeader(status)
		return
	}
	if r.status != 0 {
		return
	}
	r.status = status
	if status != http.StatusOK || r.Header().Get("ETag") != "" {
		r.send()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.size += len(b); r.size > MaxBody {
		r.send()
	}
	if !r.sent {
		r.parts = append(r.parts, slices.Clone(b))
		return len(b), nil
	}
	if r.silent {
		return len(b), nil
	}
	return r.out.Write(b)
}

func (r *recorder) finish() {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.sent {
		return
	}
	sum := sha512.New512_256()
	for _, p := range r.parts {
		sum.Write(p)
	}
	r.Header().Set("ETag", `"`+hex.EncodeToString(sum.Sum(nil)[:16])+`"`)
	r.send()
}

// send writes the status and what is held; later writes go straight through.
func (r *recorder) send() {
	if r.sent {
		return
	}
	r.sent = true
	tag := r.Header().Get("ETag")
	if r.status == http.StatusOK && tag != "" && r.has(tag) {
		r.status, r.silent = http.StatusNotModified, true
		for name := range r.Header() {
			if strings.HasPrefix(name, "Content-") && name != "Content-Location" && name != "Content-Security-Policy" {
				r.Header().Del(name)
			}
		}
	}
	r.out.WriteHeader(r.status)
	for _, p := range r.parts {
		if !r.silent {
			_, _ = r.out.Write(p) // the next Write meets the same error
		}
	}
	r.parts = nil
}

// Package etag304 spares clients the bytes that they already have.
// This answer hashes as the handler writes and reads If-None-Match one byte at a time.
package etag304

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"hash"
	"net/http"
)

// MaxBody is the longest body that Wrap holds in memory to name it.
const MaxBody = 1 << 20

// Wrap gives the answers of next an ETag, and answers 304 to a client that has the same.
func Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := w.Write
		switch r.Method {
		case http.MethodGet:
		case http.MethodHead:
			body = func(b []byte) (int, error) { return len(b), nil }
			as := *r
			as.Method = http.MethodGet
			r = &as
		default:
			next.ServeHTTP(w, r)
			return
		}
		s := &sink{ResponseWriter: w, has: parse(r.Header["If-None-Match"]), body: body, sum: md5.New()}
		next.ServeHTTP(s, r)
		s.close()
	})
}

// sink holds the body while write is nil; afterwards write says where bytes go.
type sink struct {
	http.ResponseWriter
	has   known
	body  func([]byte) (int, error)
	write func([]byte) (int, error)
	began bool
	held  bytes.Buffer
	sum   hash.Hash
}

func (s *sink) WriteHeader(status int) {
	switch {
	case s.began:
	case status < 200:
		s.ResponseWriter.WriteHeader(status)
	case status != 200:
		s.begin(status)
	default:
		s.began = true
		if own := s.Header().Get("ETag"); own != "" {
			s.settle(own)
		}
	}
}

func (s *sink) begin(status int) {
	s.began = true
	s.ResponseWriter.WriteHeader(status)
	s.write = s.body
}

func (s *sink) settle(tag string) {
	if !s.has.holds(tag) {
		s.begin(200)
		return
	}
	h := s.Header()
	h.Del("Content-Type")
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	s.began = true
	s.ResponseWriter.WriteHeader(http.StatusNotModified)
	s.write = func(b []byte) (int, error) { return len(b), nil }
}

func (s *sink) Write(b []byte) (int, error) {
	s.WriteHeader(200)
	if s.write == nil && s.held.Len()+len(b) > MaxBody {
		s.begin(200)
		if _, err := s.write(s.held.Bytes()); err != nil {
			return 0, err
		}
		s.held = bytes.Buffer{}
	}
	if s.write != nil {
		return s.write(b)
	}
	s.sum.Write(b)
	return s.held.Write(b)
}

func (s *sink) close() {
	s.WriteHeader(200)
	if s.write != nil {
		return
	}
	tag := fmt.Sprintf(`"%x"`, s.sum.Sum(nil))
	s.Header().Set("ETag", tag)
	s.settle(tag)
	_, _ = s.write(s.held.Bytes()) // a client that has gone is nobody to tell
}

// known is what a client says it has.
type known struct {
	any  bool
	tags map[string]bool
}

func (k known) holds(tag string) bool {
	if len(tag) > 2 && tag[:2] == "W/" {
		tag = tag[2:]
	}
	return k.any || k.tags[tag]
}

func parse(lines []string) known {
	k := known{tags: map[string]bool{}}
	for _, line := range lines {
		start := -1 // where the tag under way opened
		for i := 0; i < len(line); i++ {
			c := line[i]
			switch {
			case c == '"' && start < 0:
				start = i
			case c == '"':
				k.tags[line[start:i+1]] = true
				start = -1
			case start >= 0, c == ' ', c == '\t', c == ',', c == '/', c == 'W':
			case c == '*':
				k.any = true
			default:
				i = len(line) // not a list of tags: what came before still counts
			}
		}
	}
	return k
}
